// Machines in factories that are asked in a beat.
import { asking, beating, between, together } from '../flows.js';
import type { Service } from './service.js';

export const INDUSTRY: readonly Service[] = [
  [
    'Modbus',
    { port: 502, opens: true, said: asking({ seconds: 12, ask: 12, answer: 29, workMs: 8, restMs: 100 }) },
  ],
  [
    'Modbus of 125 registers',
    { port: 502, said: asking({ seconds: 12, ask: 12, answer: 259, workMs: between(5, 12), restMs: 45 }) },
  ],
  [
    'Modbus, several masters’ questions in a row',
    {
      port: 502,
      said: together(
        asking({ seconds: 12, ask: 12, answer: 259, workMs: 9, restMs: 40 }),
        asking({ seconds: 12, ask: 12, answer: 29, workMs: 5, restMs: 33, from: 3 }),
      ),
    },
  ],
  [
    'OPC UA',
    {
      port: 4840,
      opens: true,
      said: asking({ seconds: 12, ask: 110, answer: between(90, 400), workMs: 6, restMs: 100 }),
    },
  ],
  [
    'OPC UA of many values',
    {
      port: 4840,
      said: asking({ seconds: 12, ask: 96, answer: between(3_000, 9_000), workMs: 6, restMs: 100 }),
    },
  ],
  [
    'S7',
    { port: 102, said: asking({ seconds: 12, ask: 31, answer: between(200, 240), workMs: 4, restMs: 50 }) },
  ],
  [
    'EtherNet/IP cyclic',
    {
      protocol: 'udp',
      port: 2222,
      said: together(beating(10, 10, 48, true, 3), beating(10, 10, 40, false, 3)),
    },
  ],
];
