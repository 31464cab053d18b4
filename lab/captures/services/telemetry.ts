// Sensors that report.
import { asking, beating, between, together } from '../flows.js';
import { ELSEWHERE, type Service } from './service.js';

export const TELEMETRY: readonly Service[] = [
  [
    'telemetry, unacknowledged',
    {
      port: 1883,
      opens: true,
      said: together(beating(20, 100, between(58, 64), false), beating(20, 5_000, 2, true)),
    },
    ELSEWHERE,
  ],
  [
    'telemetry, acknowledged',
    {
      port: 1883,
      opens: true,
      said: asking({ seconds: 20, ask: between(58, 64), answer: 4, workMs: 1, restMs: 100 }),
    },
    ELSEWHERE,
  ],
  [
    'telemetry in TLS, bursts',
    {
      port: 8883,
      said: together(
        beating(20, 250, 70, false),
        (r) => beating(20, 250, 72, false)(r).map((s) => ({ ...s, atMs: s.atMs + 3 })),
        beating(20, 10_000, 31, true),
      ),
    },
    ELSEWHERE,
  ],
  [
    'CoAP',
    {
      protocol: 'udp',
      port: 5683,
      said: asking({ seconds: 20, ask: 24, answer: 38, workMs: 3, restMs: 90 }),
    },
  ],
];
