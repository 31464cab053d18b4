// What people and their machines fetch and send: web, mail, FTP, backups, films and maps in pieces.
import { after, asking, beating, between, tls, together } from '../flows.js';
import { ELSEWHERE, handshake, paced, type Service, windowed } from './service.js';

/** Pieces of a map, asked for as it is panned. */
const tiles = asking({
  seconds: 15,
  ask: between(70, 110),
  answer: between(8_000, 40_000),
  workMs: between(10, 40),
  restMs: between(5, 160),
});

export const WEB_AND_MAIL: readonly Service[] = [
  [
    'an HTTP download',
    {
      port: 80,
      opens: true,
      said: (r) => [{ atMs: 0, fromServer: false, bytes: 180 }, ...paced(8, 2_000, true)(r)],
    },
  ],
  [
    'a slow HTTP/2 download',
    { port: 443, opens: true, said: after(handshake, windowed(12, 200, 32_768, 13 + tls)) },
    [8_443, 31_337],
  ],
  [
    'a fast HTTP/2 download',
    { port: 443, opens: true, said: after(handshake, windowed(8, 4_000, 65_536, 13 + tls)) },
    [8_443, 31_337],
  ],
  [
    'an upload',
    {
      port: 443,
      opens: true,
      said: after(handshake, together(paced(8, 800, false), beating(8, 60, 13 + tls, true))),
    },
    [8_443],
  ],
  [
    'SMTP',
    {
      port: 25,
      opens: true,
      said: after(
        [[true, 40, '220 mail ESMTP']],
        asking({
          seconds: 8,
          ask: between(20, 3_000),
          answer: between(10, 60),
          workMs: between(1, 60),
          restMs: between(1, 20),
        }),
      ),
    },
  ],
  [
    'SMTP, greeting not captured',
    {
      port: 587,
      said: asking({
        seconds: 8,
        ask: between(12, 80),
        answer: between(8, 60),
        workMs: between(1, 60),
        restMs: between(1, 20),
      }),
    },
  ],
  [
    'FTP’s control in TLS',
    {
      port: 21,
      opens: true,
      said: after(
        [[true, 30, '220 FTP'], ...handshake],
        asking({
          seconds: 10,
          ask: between(35, 60),
          answer: between(50, 110),
          workMs: between(2, 40),
          restMs: between(5, 300),
        }),
      ),
    },
  ],
  [
    'FTP’s data in TLS',
    { port: 40_500, opens: true, said: after(handshake, paced(8, 1_500, true)) },
    [20_021],
  ],
  [
    'a backup that is pulled',
    {
      port: 9102,
      opens: true,
      said: after(handshake, together(paced(10, 900, true), beating(10, 400, 60, false, 200))),
    },
    ELSEWHERE,
  ],
  [
    'a backup in blocks',
    { port: 6180, opens: true, said: after(handshake, windowed(10, 3_000, 262_144, 45)) },
    ELSEWHERE,
  ],
  [
    'a backup sent',
    {
      port: 8007,
      opens: true,
      said: after(handshake, together(paced(10, 900, false), beating(10, 300, 42, true, 100))),
    },
    ELSEWHERE,
  ],
  [
    'video by HTTP segments',
    {
      port: 443,
      opens: true,
      said: after(
        handshake,
        asking({
          seconds: 60,
          ask: between(70, 130),
          answer: between(300_000, 1_500_000),
          workMs: between(15, 60),
          restMs: between(2_500, 3_500),
          spacingMs: 0.15,
        }),
      ),
    },
    [8_096, 32_400],
  ],
  [
    'video by short HTTP segments',
    {
      port: 443,
      opens: true,
      said: after(
        handshake,
        asking({
          seconds: 20,
          ask: between(72, 96),
          answer: between(60_000, 180_000),
          workMs: between(5, 20),
          restMs: between(150, 230),
          spacingMs: 0.1,
        }),
      ),
    },
    [8_096],
  ],
  [
    'a map that is panned',
    {
      port: 443,
      opens: true,
      said: after(
        handshake,
        // Over two connections at a time.
        together(tiles, tiles),
      ),
    },
    [8_443],
  ],
];
