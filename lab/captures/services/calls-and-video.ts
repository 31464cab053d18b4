// Calls, cameras and games: sound and pictures in a beat.
import { beating, between, together } from '../flows.js';
import type { Service } from './service.js';

export const CALLS_AND_VIDEO: readonly Service[] = [
  [
    'a call, G.711',
    {
      protocol: 'udp',
      port: 16_400,
      clientPort: 20_000,
      said: together(beating(12, 20, 172, true, 4), beating(12, 20, 172, false, 4)),
    },
  ],
  [
    'a call, G.729',
    {
      protocol: 'udp',
      port: 16_400,
      clientPort: 20_000,
      said: together(beating(12, 20, 32, true, 6), beating(12, 20, 32, false, 6)),
    },
  ],
  [
    'a call, Opus',
    {
      protocol: 'udp',
      port: 16_400,
      clientPort: 20_000,
      said: together(beating(12, 20, between(60, 120), true, 8), beating(12, 20, between(60, 120), false, 8)),
    },
  ],
  [
    'a call, one side silent',
    {
      protocol: 'udp',
      port: 16_400,
      clientPort: 20_000,
      said: together(
        beating(12, 20, between(60, 120), true, 8),
        beating(12, 400, between(30, 40), false, 100),
      ),
    },
  ],
  [
    'SRT',
    {
      protocol: 'udp',
      port: 9_710,
      said: together(beating(10, 7, 1_180, true), beating(10, 10, 44, false, 2)),
    },
  ],
  [
    'a camera over RTP',
    {
      protocol: 'udp',
      port: 6_970,
      said: together(beating(10, 40, between(2_000, 12_000), true, 3), beating(10, 5_000, 60, false)),
    },
  ],
  [
    'a camera over RTSP in TCP',
    {
      port: 554,
      said: together(beating(10, 40, between(2_000, 12_000), true, 3), beating(10, 1_000, 56, false)),
    },
    [8_554],
  ],
  [
    'a game’s server',
    {
      protocol: 'udp',
      port: 27_015,
      said: together(
        beating(10, 1000 / 64, between(150, 500), true, 2),
        beating(10, 1000 / 64, between(40, 70), false, 4),
      ),
    },
  ],
];
