// A session has a person or a screen at its ends: what machines ask of each other, calls and downloads are none, on any port; and sessions
// are found on any port. Flows of each kind are written out packet by packet, from a seed.
import { randomFrom } from '../../../../lab/random.js';
import { DesktopGuess } from '../../../../domain/fingerprint/session/desktop-guess.js';
import type { PacketHeader } from '../../../../domain/fingerprint/capture/packet.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';

const policy = FingerprintPolicy.parse({});
const DESKTOP = '10.0.0.5';
const PEER = '198.51.100.7';

interface Sent {
  readonly atMs: number;
  readonly out: boolean;
  readonly bytes: number;
  readonly greeting?: string;
}
interface Kind {
  readonly protocol?: 'tcp' | 'udp';
  readonly port: number;
  readonly peerPort?: number;
  /** Who opened it; silent: the handshake was not captured. */
  readonly opener?: 'desktop' | 'peer';
  readonly sent: (random: () => number) => Sent[];
}

const MSS = 1_448;
/** A burst of `bytes` from the server, packets a tenth of a millisecond apart. */
const burst = (atMs: number, bytes: number, out = true): Sent[] =>
  Array.from({ length: Math.max(1, Math.ceil(bytes / MSS)) }, (_, k) => ({
    atMs: atMs + k * 0.1,
    out,
    bytes: Math.min(MSS, bytes - k * MSS),
  }));
/** A client that asks, a server that answers, again and again. */
const asking =
  (
    times: number,
    ask: (r: () => number) => number,
    answer: (r: () => number) => number,
    workMs: (r: () => number) => number,
    restMs: (r: () => number) => number,
  ) =>
  (random: () => number): Sent[] => {
    const sent: Sent[] = [];
    let t = 0;
    for (let n = 0; n < times; n++) {
      sent.push(...burst(t, ask(random), false));
      t += workMs(random);
      const reply = burst(t, answer(random));
      sent.push(...reply);
      t = (reply.at(-1)?.atMs ?? t) + restMs(random);
    }
    return sent;
  };
const between = (a: number, b: number) => (r: () => number) => a + r() * (b - a);
const always = (x: number) => () => x;

function packets(kind: Kind): PacketHeader[] {
  const random = randomFrom(7);
  const { protocol = 'tcp', port, peerPort = 50_123, opener } = kind;
  const header = (out: boolean, atMs: number, bytes: number, greeting = '', syn = false): PacketHeader => ({
    timeMs: 1.7e12 + atMs,
    protocol,
    source: out ? DESKTOP : PEER,
    destination: out ? PEER : DESKTOP,
    sourcePort: out ? port : peerPort,
    destinationPort: out ? peerPort : port,
    ipBytes: bytes + (protocol === 'tcp' ? 52 : 28),
    payloadBytes: bytes,
    ipId: 0,
    checksum: 0,
    payload: Buffer.from(greeting),
    tcp:
      protocol === 'udp'
        ? undefined
        : {
            sequence: 1,
            acknowledgement: 1,
            syn,
            ack: !syn,
            fin: false,
            rst: false,
            push: true,
            timestamp: undefined,
          },
  });
  const opening = opener === undefined ? [] : [header(opener === 'desktop', -50, 0, '', true)];
  const sent = [...kind.sent(random)].sort((a, b) => a.atMs - b.atMs);
  return [
    ...opening,
    ...sent.map((s) => header(s.out, s.atMs, Math.max(1, Math.round(s.bytes)), s.greeting)),
  ];
}

function judge(kind: Kind) {
  const guess = new DesktopGuess();
  for (const p of packets(kind)) guess.add(p);
  return guess.result(policy);
}

/** Keys and pointer at human times, answered by the screen now and then. */
const typing = (random: () => number): Sent[] => {
  const sent: Sent[] = [];
  for (let t = 0; t < 20_000; t += 20 + random() * 300) {
    sent.push({ atMs: t, out: false, bytes: 35 });
    if (random() < 0.5) sent.push({ atMs: t + 9, out: false, bytes: 35 });
    if (random() < 0.6) sent.push(...burst(t + 15 + random() * 60, 300 + random() * 20_000));
  }
  return sent;
};
const pull = asking(200, always(10), between(4_000, 40_000), between(5, 40), always(25));
const push = (random: () => number): Sent[] => [
  ...Array.from({ length: 480 }, (_, n) => burst((n * 1000) / 24, 6_000 + random() * 30_000)).flat(),
  ...typing(random).filter((s) => !s.out),
];
const game = (fps: number) => (): Sent[] => [
  ...Array.from({ length: fps * 10 }, (_, n) => burst((n * 1000) / fps, 14_000)).flat(),
  ...Array.from({ length: 1_200 }, (_, n) => ({ atMs: n * 8.3 + (n % 3), out: false, bytes: 60 })),
];

describe('a session is found', () => {
  it.each<[string, Kind]>([
    ['typing on port 443', { port: 443, opener: 'peer', sent: typing }],
    ['typing on port 8443, opening not captured', { port: 8443, sent: typing }],
    ['typing on port 7070', { port: 7070, sent: typing }],
    ['typing on port 5938', { port: 5938, sent: typing }],
    ['a pulled film on port 443', { port: 443, opener: 'peer', sent: pull }],
    ['a pulled film on port 8123', { port: 8123, sent: pull }],
    [
      'a pulled film in pictures of one size',
      { port: 8123, sent: asking(200, always(10), always(921_616), always(8), always(25)) },
    ],
    ['a pushed film with a pointer', { port: 6080, opener: 'peer', sent: push }],
    ['a game of 60 frames/s over UDP', { protocol: 'udp', port: 47_998, sent: game(60) }],
    [
      'a game of 30 frames/s on ports that name nothing',
      { protocol: 'udp', port: 41_000, peerPort: 52_000, sent: game(30) },
    ],
    [
      'RFB that greets, between ports that name nothing',
      {
        port: 31_999,
        opener: 'peer',
        sent: () => [
          { atMs: 0, out: true, bytes: 12, greeting: 'RFB 003.008\n' },
          ...Array.from({ length: 12 }, (_, n) => ({ atMs: 10 + n * 90, out: n % 3 === 0, bytes: 20 })),
        ],
      },
    ],
  ])('%s', (_, kind) => {
    expect(judge(kind)).toEqual([{ address: DESKTOP, why: 'behaviour' }]);
  });

  it('by its port, on RDP', () => {
    expect(judge({ port: 3389, sent: typing })).toEqual([{ address: DESKTOP, why: 'port' }]);
  });
});

describe('no session is', () => {
  const both = (name: string, kind: Kind): [string, Kind][] => [
    [name, kind],
    [`${name}, on another port`, { ...kind, port: 31_337 }],
  ];
  it.each<[string, Kind]>([
    ...both('reading files over NFS', {
      port: 2049,
      opener: 'peer',
      sent: asking(300, between(120, 220), always(65_664), between(0.2, 3), between(0.5, 30)),
    }),
    ...both('TFTP', {
      protocol: 'udp',
      port: 69,
      sent: asking(400, always(4), always(516), always(0.5), always(20)),
    }),
    ...both('TFTP in large blocks', {
      protocol: 'udp',
      port: 69,
      sent: asking(400, always(4), always(1_432), always(0.5), always(20)),
    }),
    ...both('Modbus', {
      port: 502,
      opener: 'peer',
      sent: asking(300, always(12), always(29), always(8), always(100)),
    }),
    ...both('OPC UA', {
      port: 4840,
      opener: 'peer',
      sent: asking(200, always(110), between(90, 400), always(6), always(100)),
    }),
    ...both('a download over HTTP', {
      port: 80,
      opener: 'peer',
      sent: (r) => [
        { atMs: 0, out: false, bytes: 180 },
        ...asking(1, always(180), always(3e6), always(20), always(1))(r),
      ],
    }),
    ...both('a download over HTTP/2, its window opened again and again', {
      port: 443,
      opener: 'peer',
      sent: () => [
        ...Array.from({ length: 3_000 }, (_, n) => ({ atMs: n * 0.6, out: true, bytes: MSS })),
        ...Array.from({ length: 100 }, (_, n) => ({ atMs: n * 18 + 0.3, out: false, bytes: 35 })),
      ],
    }),
    ...both('mail sent to the desktop', {
      port: 25,
      opener: 'peer',
      sent: asking(40, between(20, 3_000), between(10, 60), between(1, 200), between(1, 20)),
    }),
    ...both('a database', {
      port: 5432,
      opener: 'peer',
      sent: asking(400, between(40, 800), between(60, 9_000), between(0.2, 9), between(0.1, 40)),
    }),
    ...both('a cache', {
      port: 6379,
      opener: 'peer',
      sent: asking(4_000, between(30, 40), between(20, 3_000), always(0.1), always(0.2)),
    }),
    [
      'a backup that the desktop sends',
      {
        port: 40_444,
        peerPort: 873,
        opener: 'desktop',
        sent: (r) => [
          ...asking(1, always(80), always(4e6), always(1), always(1))(r),
          ...asking(200, always(12), always(MSS), always(1), always(40))(r),
        ],
      },
    ],
    [
      'a shell that greets as SSH on a strange port',
      {
        port: 2_222,
        opener: 'peer',
        sent: (r) => [{ atMs: 0, out: true, bytes: 20, greeting: 'SSH-2.0-OpenSSH_9.2' }, ...typing(r)],
      },
    ],
    [
      'a web page’s parts',
      {
        port: 443,
        opener: 'peer',
        sent: asking(12, between(60, 110), between(2_000, 200_000), between(10, 60), between(1, 200)),
      },
    ],
    ['a video of the web over QUIC', { protocol: 'udp', port: 443, sent: game(30) }],
    ['a call through a relay', { protocol: 'udp', port: 3478, sent: game(30) }],
    [
      'a call, both sides seen',
      {
        protocol: 'udp',
        port: 41_000,
        peerPort: 52_000,
        sent: () => [
          ...Array.from({ length: 300 }, (_, n) => burst(n * 33, 4_000)).flat(),
          ...Array.from({ length: 300 }, (_, n) => burst(n * 33 + 11, 3_500, false)).flat(),
        ],
      },
    ],
    ['a knock at RDP’s port', { port: 3389, opener: 'peer', sent: () => [] }],
  ])('%s', (_, kind) => {
    expect(judge(kind).filter((g) => g.why === 'port' || g.why === 'behaviour')).toEqual([]);
  });
});
