// What servers tell each other and their subscribers: feeds, time, directories, queues, figures.
import { after, asking, beating, between, together } from '../flows.js';
import { handshake, type Service } from './service.js';

export const INFRASTRUCTURE: readonly Service[] = [
  [
    'a WebSocket of prices',
    {
      port: 443,
      opens: true,
      said: after(
        handshake,
        together(beating(15, between(10, 90), between(80, 900), true), beating(15, 5_000, 40, false)),
      ),
    },
    [8_443],
  ],
  [
    'time',
    {
      protocol: 'udp',
      port: 123,
      said: asking({ seconds: 20, ask: 48, answer: 48, workMs: 1, restMs: 900 }),
    },
  ],
  [
    'SNMP walks',
    {
      protocol: 'udp',
      port: 161,
      said: asking({
        seconds: 10,
        ask: between(40, 50),
        answer: between(60, 900),
        workMs: between(1, 9),
        restMs: between(0.5, 4),
      }),
    },
  ],
  [
    'LDAP',
    {
      port: 389,
      said: asking({
        seconds: 10,
        ask: between(70, 140),
        answer: between(100, 3_000),
        workMs: between(1, 9),
        restMs: between(1, 90),
      }),
    },
  ],
  [
    'Kafka',
    {
      port: 9092,
      said: asking({
        seconds: 15,
        ask: 86,
        answer: between(2_000, 60_000),
        workMs: between(20, 500),
        restMs: between(0.5, 3),
      }),
    },
  ],
  [
    'metrics scraped',
    {
      port: 9100,
      said: asking({ seconds: 60, ask: 190, answer: between(60_000, 70_000), workMs: 20, restMs: 5_000 }),
    },
  ],
  [
    'Redis subscriptions',
    {
      port: 6379,
      said: together(beating(15, between(5, 120), between(60, 800), true), beating(15, 3_000, 14, false)),
    },
  ],
];
