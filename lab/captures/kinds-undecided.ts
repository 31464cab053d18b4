// Sessions that look like something else by their headers, on ports that name nothing: no rank is right of them, and the reason says so;
// and sessions whose rank cannot be known for another reason.
import { after, asking, beating, between, pulled, pushed, tls, typing, typingEvenly } from './flows.js';
import { captureOf, type Kind, type Named } from './kind.js';
import { SERVER } from './packets.js';
import { handshake } from './services/service.js';

const websocket = [...handshake, [false, 420], [true, 160]] as const;
/** Cookies and masks around each message of a web client: more than 64 bytes. */
const LARGE = 75;
const film = beating(10, 1000 / 24, between(6_000, 30_000), true, 2);

const alike: readonly Named[] = [
  ['somebody types, echoes of one size', { port: 0, said: typingEvenly(12, 8, 600) }],
  [
    'somebody types in TLS, small echoes of one size',
    { port: 0, said: after(handshake, typingEvenly(12, 37, 90)) },
  ],
  ['somebody types far away, echoes of a packet', { port: 0, rttMs: 80, said: typingEvenly(12, 37, 1_400) }],
  ['a film pushed to somebody who only looks', { port: 0, said: after(handshake, film) }],
  ['a film pushed, opening not captured', { port: 0, opens: false, said: film }],
  [
    'an idle screen with a clock',
    { port: 0, said: asking({ seconds: 20, ask: 10, answer: 400, workMs: 960, restMs: 20 }) },
  ],
  ['a screen on which nothing happens', { port: 0, said: after(handshake, beating(30, 5_000, 60, true)) }],
  [
    'a web client with large messages, a film pulled',
    { port: 0, rttMs: 30, said: after(websocket, pulled(8, { rttMs: 30, overhead: LARGE })) },
  ],
  [
    'a web client with large messages, a film pushed',
    { port: 0, rttMs: 30, said: after(websocket, pushed(10, { overhead: LARGE })) },
  ],
];
/** On the web's ports only: elsewhere such a person is found. */
const onTheWeb: readonly Named[] = [
  ['a web client with large messages, typing', { port: 0, said: after(websocket, typing(14, LARGE)) }],
];
const short: readonly Named[] = [
  ['3 s at 300 ms', { port: 5901, rttMs: 300, said: pulled(3, { rttMs: 300 }) }],
  [
    '3 s at 300 ms, opening not captured',
    { port: 5901, rttMs: 300, opens: false, said: pulled(3, { rttMs: 300 }) },
  ],
  ['2 s at 200 ms', { port: 5901, rttMs: 200, said: pulled(2, { rttMs: 200 }) }],
  [
    '4 s at 300 ms on a strange port',
    { port: 22_222, rttMs: 300, said: after(handshake, pulled(4, { rttMs: 300, overhead: tls })) },
  ],
];

export function undecidedKinds(): Kind[] {
  const group = 'undecided';
  const on = (ports: readonly number[], list: readonly Named[]): Kind[] =>
    list.flatMap(([name, c]) =>
      ports.map((port) => ({
        group,
        name: `${name}, on ${port}`,
        right: { desktops: [], unknown: /cannot be told/ },
        file: () => captureOf([{ rttMs: 20, opens: true, ...c, port }]),
      })),
    );
  return [
    ...on([443, 6_080, 31_337], alike),
    ...on([443, 8_443], onTheWeb),
    ...short.map(([name, c]) => ({
      group,
      name,
      right: { desktops: [SERVER], unknown: /too short for a round trip of \d+ ms/ },
      file: () => captureOf([{ opens: true, ...c }]),
    })),
  ];
}
