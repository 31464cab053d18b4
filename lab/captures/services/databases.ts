// Databases and caches that programs ask.
import { after, asking, between, tls } from '../flows.js';
import { ELSEWHERE, handshake, type Service } from './service.js';

export const DATABASES: readonly Service[] = [
  [
    'a database asked by the clock',
    {
      port: 5432,
      opens: true,
      said: asking({
        seconds: 15,
        ask: 58,
        answer: between(4_000, 5_000),
        workMs: between(1, 3),
        restMs: 100,
      }),
    },
  ],
  [
    'a database asked by the clock, prepared',
    {
      port: 5432,
      said: asking({
        seconds: 15,
        ask: 34,
        answer: between(9_000, 14_000),
        workMs: between(1, 5),
        restMs: 200,
      }),
    },
  ],
  [
    'a database asked by the clock in TLS',
    {
      port: 3306,
      opens: true,
      said: after(
        handshake,
        asking({
          seconds: 15,
          ask: 41 + tls,
          answer: between(2_000, 9_000),
          workMs: between(1, 5),
          restMs: 250,
        }),
      ),
    },
  ],
  [
    'a database in a tight loop',
    {
      port: 3306,
      said: asking({
        seconds: 6,
        ask: between(40, 200),
        answer: between(80, 4_000),
        workMs: between(0.3, 3),
        restMs: between(0.2, 1),
      }),
    },
  ],
  [
    'a database asked for rows of one size',
    { port: 5432, said: asking({ seconds: 12, ask: 10, answer: 2_000, workMs: between(1, 3), restMs: 20 }) },
    ELSEWHERE,
  ],
  [
    'a database asked for many rows of one size, at times that vary',
    {
      port: 5432,
      opens: true,
      said: asking({ seconds: 12, ask: 12, answer: 120_000, workMs: between(1, 3), restMs: between(10, 30) }),
    },
    ELSEWHERE,
  ],
  [
    'a database asked now and then, answers of many sizes',
    {
      port: 5432,
      said: asking({
        seconds: 15,
        ask: 58,
        answer: between(2_000, 9_000),
        workMs: between(1, 3),
        restMs: between(50, 150),
      }),
    },
    ELSEWHERE,
  ],
  [
    'a cache',
    {
      port: 6379,
      said: asking({
        seconds: 4,
        ask: between(30, 40),
        answer: between(20, 3_000),
        workMs: 0.2,
        restMs: 0.4,
      }),
    },
  ],
];
