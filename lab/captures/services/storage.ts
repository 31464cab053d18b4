// Files and disks that are read over the network.
import { asking, between } from '../flows.js';
import type { Service } from './service.js';

export const STORAGE: readonly Service[] = [
  [
    'NFS reads',
    {
      port: 2049,
      opens: true,
      said: asking({
        seconds: 10,
        ask: between(120, 220),
        answer: 65_664,
        workMs: between(0.2, 3),
        restMs: between(1, 30),
      }),
    },
  ],
  [
    'NFS reads of a megabyte',
    {
      port: 2049,
      said: asking({
        seconds: 10,
        ask: 176,
        answer: 524_416,
        workMs: 3,
        restMs: between(5, 60),
        spacingMs: 0.012,
      }),
    },
  ],
  [
    'NFS attributes',
    {
      port: 2049,
      said: asking({
        seconds: 10,
        ask: between(120, 160),
        answer: between(112, 240),
        workMs: 0.3,
        restMs: between(1, 20),
      }),
    },
  ],
  [
    'SMB reads',
    {
      port: 445,
      said: asking({
        seconds: 10,
        ask: 117,
        answer: 65_620,
        workMs: between(0.3, 2),
        restMs: between(5, 40),
      }),
    },
  ],
  [
    'iSCSI',
    {
      port: 3260,
      said: asking({
        seconds: 10,
        ask: 48,
        answer: between(4_144, 65_584),
        workMs: between(0.3, 6),
        restMs: between(4, 40),
      }),
    },
  ],
  [
    'NBD',
    {
      port: 10_809,
      said: asking({
        seconds: 10,
        ask: 28,
        answer: 131_088,
        workMs: between(0.3, 6),
        restMs: between(4, 40),
      }),
    },
  ],
  [
    'NBD of 4 KiB',
    {
      port: 10_809,
      said: asking({ seconds: 10, ask: 28, answer: 4_112, workMs: between(0.3, 6), restMs: between(4, 40) }),
    },
  ],
  [
    'TFTP',
    {
      protocol: 'udp',
      port: 69,
      said: asking({ seconds: 10, ask: 4, answer: 516, workMs: 0.5, restMs: 20 }),
    },
  ],
  [
    'TFTP in blocks of 1428',
    {
      protocol: 'udp',
      port: 69,
      said: asking({ seconds: 10, ask: 4, answer: 1_432, workMs: 0.5, restMs: 20 }),
    },
  ],
  [
    'TFTP in blocks of 8 KiB',
    {
      protocol: 'udp',
      port: 69,
      said: asking({ seconds: 10, ask: 4, answer: 8_196, workMs: 0.5, restMs: 20 }),
    },
  ],
  [
    'TFTP, windows of 16 blocks',
    {
      protocol: 'udp',
      port: 69,
      said: asking({ seconds: 10, ask: 4, answer: 16 * 1_432, workMs: 0.5, restMs: 30 }),
    },
  ],
];
