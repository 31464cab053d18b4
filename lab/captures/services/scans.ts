// Scans and floods: one machine that asks many ports, or many times.
import { asking, between } from '../flows.js';
import type { Conversation } from '../packets.js';

export const SCANS: readonly (readonly [name: string, conversations: readonly Conversation[]])[] = [
  [
    'a port scan',
    Array.from({ length: 600 }, (_, n): Conversation => ({
      port: n + 1,
      clientPort: 44_000,
      opens: true,
      said: () => [],
    })),
  ],
  [
    'a scan of remote desktops’ ports with questions',
    [3389, 5900, 5901, 5902, 5938, 7070, 4172, 443, 22].map((port, n): Conversation => ({
      port,
      clientPort: 44_000 + n,
      opens: true,
      said: () => [
        { atMs: n * 300, fromServer: false, bytes: 19, text: Buffer.from('0300001311e00000', 'hex') },
        { atMs: n * 300 + 5, fromServer: true, bytes: 19, text: Buffer.from('0300001311d00000', 'hex') },
      ],
    })),
  ],
  [
    'a scan that reads greetings of VNC',
    Array.from({ length: 12 }, (_, n): Conversation => ({
      port: 5900 + n,
      clientPort: 44_000 + n,
      opens: true,
      said: () => [
        { atMs: n * 300, fromServer: true, bytes: 12, text: 'RFB 003.008\n' },
        { atMs: n * 300 + 5, fromServer: false, bytes: 12, text: 'RFB 003.008\n' },
        { atMs: n * 300 + 9, fromServer: true, bytes: 2 },
      ],
    })),
  ],
  [
    'a flood of names',
    Array.from({ length: 800 }, (_, n): Conversation => ({
      protocol: 'udp',
      port: 53,
      clientPort: 10_000 + n,
      said: () => [
        { atMs: n * 4, fromServer: false, bytes: 40 },
        { atMs: n * 4 + 1, fromServer: true, bytes: 900 },
      ],
    })),
  ],
  [
    'a flood of names from one port',
    [
      {
        protocol: 'udp',
        port: 53,
        said: asking({ seconds: 5, ask: between(30, 60), answer: between(60, 900), workMs: 1, restMs: 2 }),
      },
    ],
  ],
];
