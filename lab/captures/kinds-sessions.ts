// Desktops of every protocol, on ports that name it and on others, alone and beside other traffic.
import { after, asking, beating, between, pulled, pushed, tls, together, typing } from './flows.js';
import { captureOf, type Kind, type Named, type Right } from './kind.js';
import { CLIENT, SERVER, type Conversation } from './packets.js';

const hello = (bytes: number) => Buffer.concat([Buffer.from('160301', 'hex'), Buffer.alloc(bytes)]);
const handshake = [
  [false, 320, hello(8)],
  [true, 2_900, hello(8)],
  [false, 93],
  [true, 51],
] as const;
const websocket = [...handshake, [false, 420], [true, 160]] as const;
const rdp = [
  [false, 19, Buffer.from('0300001311e00000', 'hex')],
  [true, 19, Buffer.from('0300001311d00000', 'hex')],
  ...handshake,
] as const;

/** A screen over UDP: pictures in a beat, small things back. */
const streamed = (fps: number, { least = 8_000, most = 20_000, inputs = 90, inputBytes = 60 } = {}) =>
  together(
    beating(8, 1000 / fps, between(least, most), true, 1.5),
    beating(8, 1000 / inputs, inputBytes, false, 6),
  );

const named: readonly Named[] = [
  ['VNC on 5903, typing', { port: 5903, opens: true, said: typing(12) }],
  ['RDP on 3389 over TLS', { port: 3389, opens: true, said: after(rdp, typing(12, tls)) }],
  ['RDP over UDP on 3389', { protocol: 'udp', port: 3389, said: together(pushed(8, { overhead: 40 })) }],
  ['PCoIP over UDP', { protocol: 'udp', port: 4172, said: streamed(30, { least: 2_000 }) }],
];
const strange: readonly Named[] = [
  ['VNC in TLS on 443, typing', { port: 443, opens: true, said: after(handshake, typing(14, tls)) }],
  [
    'noVNC in a WebSocket on 443, a film pulled',
    {
      port: 443,
      opens: true,
      rttMs: 30,
      said: after(websocket, pulled(8, { rttMs: 30, overhead: tls + 6 })),
    },
  ],
  ['noVNC on 6080, typing', { port: 6080, opens: true, said: after(websocket.slice(4), typing(12, 6)) }],
  [
    'noVNC on 8080, a film pulled',
    {
      port: 8080,
      opens: true,
      rttMs: 25,
      said: after(websocket.slice(4), pulled(8, { rttMs: 25, overhead: 6 })),
    },
  ],
  [
    'Guacamole on 8443, pushed',
    { port: 8443, opens: true, said: after(websocket, pushed(10, { overhead: tls + 20, fps: 15 })) },
  ],
  [
    'RDP on 33890, TLS from the first byte',
    { port: 31_890, opens: true, said: after(handshake, typing(12, tls)) },
  ],
  ['RDP on 8000, opening not captured', { port: 8000, said: typing(14, tls) }],
  [
    'SPICE on 3128',
    {
      port: 3128,
      opens: true,
      said: after(
        [
          [false, 40, 'REDQ'],
          [true, 200, 'REDQ'],
        ],
        typing(12),
      ),
    },
  ],
  [
    'a desktop on 22222, film pulled in TLS',
    { port: 22_222, opens: true, rttMs: 40, said: after(handshake, pulled(8, { rttMs: 40, overhead: tls })) },
  ],
  [
    'raw pictures of one size on 9000',
    {
      port: 9000,
      opens: true,
      rttMs: 10,
      spacingMs: 0.02,
      said: asking({
        seconds: 8,
        ask: 10,
        answer: 600 * 400 * 4 + 16,
        workMs: 12,
        restMs: 11,
        spacingMs: 0.02,
      }),
    },
  ],
  ['Moonlight, 60 frames/s', { protocol: 'udp', port: 47_998, said: streamed(60) }],
  [
    'Moonlight, 120 frames/s',
    { protocol: 'udp', port: 47_998, said: streamed(120, { least: 5_000, most: 12_000 }) },
  ],
  [
    'a game streamed at 30 frames/s between ports that name nothing',
    { protocol: 'udp', port: 41_234, said: streamed(30) },
  ],
  [
    'Parsec, 60 frames/s on a strange port',
    { protocol: 'udp', port: 21_000, said: streamed(60, { inputs: 120 }) },
  ],
  ['NICE DCV over QUIC on 8443', { protocol: 'udp', port: 8443, said: streamed(25, { inputBytes: 45 }) }],
  ['Blast over UDP on 22443', { protocol: 'udp', port: 22_443, said: streamed(30) }],
  [
    'WebRTC on 50000, a screen shown to a viewer',
    { protocol: 'udp', port: 50_000, clientPort: 61_000, said: streamed(30, { inputBytes: 70 }) },
  ],
  ['RDP over UDP on a strange port, typing', { protocol: 'udp', port: 13_389, said: typing(12, 40) }],
];

export function sessionKinds(): Kind[] {
  const group = 'sessions';
  const kind = (name: string, conversations: readonly Conversation[], right: Right): Kind => ({
    group,
    name,
    right,
    file: () => captureOf(conversations),
  });
  const one = { desktops: [SERVER] };
  const second = '10.77.0.9';
  return [
    ...named.map(([name, c]) => kind(name, [c], one)),
    ...strange.map(([name, c]) => kind(name, [c], one)),
    ...strange.map(([name, c]) =>
      kind(
        `${name}, beside a download and names`,
        [
          { ...c },
          {
            port: 443,
            server: '203.0.113.9',
            client: SERVER,
            clientPort: 40_001,
            opens: true,
            said: after(handshake, beating(4, 5, 14_000, true)),
          },
          {
            protocol: 'udp',
            port: 53,
            server: '203.0.113.53',
            client: SERVER,
            clientPort: 40_002,
            said: asking({ seconds: 5, ask: 40, answer: 120, workMs: 8, restMs: 300 }),
          },
        ],
        one,
      ),
    ),
    kind(
      'two desktops on ports that name them',
      [
        { port: 5901, opens: true, said: pulled(6), rttMs: 20 },
        { port: 3389, server: second, client: '198.51.100.8', opens: true, said: after(rdp, typing(6, tls)) },
      ],
      { desktops: [SERVER, second] },
    ),
    kind(
      'two desktops, one on a strange port',
      [
        { port: 5901, opens: true, said: pulled(6), rttMs: 20 },
        {
          port: 8443,
          server: second,
          client: '198.51.100.8',
          opens: true,
          said: after(handshake, typing(12, tls)),
        },
      ],
      { desktops: [SERVER, second] },
    ),
    kind(
      'two desktops on strange ports',
      [
        { port: 7070, opens: true, said: pulled(6), rttMs: 20 },
        {
          port: 8443,
          server: second,
          client: '198.51.100.8',
          opens: true,
          said: after(handshake, typing(12, tls)),
        },
      ],
      { desktops: [SERVER, second] },
    ),
    kind(
      'a viewer that is a desktop itself',
      [
        { port: 5901, opens: true, said: pulled(6), rttMs: 20 },
        { port: 5902, server: CLIENT, client: '198.51.100.99', opens: true, said: typing(10) },
      ],
      { desktops: [SERVER, CLIENT] },
    ),
    kind(
      'two displays of one desktop',
      [
        { port: 5901, opens: true, said: pulled(6), rttMs: 20 },
        { port: 5902, clientPort: 50_900, opens: true, said: typing(10) },
      ],
      { desktops: [SERVER], says: /5902/ },
    ),
  ];
}
