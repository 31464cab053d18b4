// What machines and people do without a remote desktop, on the ports where it is expected and on others: no session, and no rank above 0.6.
import { pcap } from './files.js';
import { after, asking, beating, between, together, typing } from './flows.js';
import { framed, inOrder, type Kind } from './kind.js';
import { packetsOf, SERVER, type Conversation, type Said } from './packets.js';

const tls = 29;
const handshake = [
  [false, 320, Buffer.from('1603010200', 'hex')],
  [true, 2_900, Buffer.from('1603030200', 'hex')],
  [false, 93],
  [true, 51],
] as const;

/** A stream that is paced: `kBps` kilobytes a second without a pause. */
const paced = (seconds: number, kBps: number, fromServer: boolean, bytes = 1_448) =>
  beating(seconds, bytes / kBps, bytes, fromServer);

/** Data without a pause, and a small message for each block that has come, several at a time where `clumped`: copies over SSH, windows. */
const windowed = (
  seconds: number,
  kBps: number,
  blockBytes: number,
  ask: number,
  clumped = 1,
): Conversation['said'] => {
  const asks = beating(seconds, (blockBytes * clumped) / kBps, ask, false, 1);
  const later =
    (byMs: number): Conversation['said'] =>
    (random) =>
      asks(random).map((s) => ({ ...s, atMs: s.atMs + byMs }));
  return together(paced(seconds, kBps, true), ...Array.from({ length: clumped }, (_, k) => later(k * 1.6)));
};

type Service = readonly [name: string, conversation: Conversation, alsoOn?: readonly number[]];
const ELSEWHERE = [31_337, 8_765] as const;

const SERVICES: readonly Service[] = [
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
        together(
          asking({
            seconds: 15,
            ask: between(70, 110),
            answer: between(8_000, 40_000),
            workMs: between(10, 40),
            restMs: between(5, 160),
          }),
          asking({
            seconds: 15,
            ask: between(70, 110),
            answer: between(8_000, 40_000),
            workMs: between(10, 40),
            restMs: between(5, 160),
          }),
        ),
      ),
    },
    [8_443],
  ],
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
  ['copying from SSH', { port: 22, said: windowed(10, 2_500, 32_768, 68) }, [2_222, 31_337]],
  [
    'copying from SSH, questions in clumps',
    { port: 22, said: windowed(10, 5_000, 32_768, 68, 4) },
    [2_222, 31_337],
  ],
  ['copying from SSH slowly', { port: 22, said: windowed(10, 400, 32_768, 52, 2) }, [2_222, 31_337]],
  ['copying to SSH', { port: 22, said: together(paced(8, 2_000, false), windowed(8, 60, 44, 100)) }, [2_222]],
  [
    'a shell that greets',
    { port: 22, opens: true, said: after([[true, 20, 'SSH-2.0-OpenSSH_9.2']], typing(10, 28)) },
    ELSEWHERE,
  ],
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
  [
    'a WebSocket of prices',
    {
      port: 443,
      opens: true,
      said: after(
        handshake,
        together(beating(15, between(10, 90), between(80, 900), true), beating(15, 5_000, 40, false)),
      ),
    },
    [8_443],
  ],
  [
    'time',
    {
      protocol: 'udp',
      port: 123,
      said: asking({ seconds: 20, ask: 48, answer: 48, workMs: 1, restMs: 900 }),
    },
  ],
  [
    'SNMP walks',
    {
      protocol: 'udp',
      port: 161,
      said: asking({
        seconds: 10,
        ask: between(40, 50),
        answer: between(60, 900),
        workMs: between(1, 9),
        restMs: between(0.5, 4),
      }),
    },
  ],
  [
    'LDAP',
    {
      port: 389,
      said: asking({
        seconds: 10,
        ask: between(70, 140),
        answer: between(100, 3_000),
        workMs: between(1, 9),
        restMs: between(1, 90),
      }),
    },
  ],
  [
    'Kafka',
    {
      port: 9092,
      said: asking({
        seconds: 15,
        ask: 86,
        answer: between(2_000, 60_000),
        workMs: between(20, 500),
        restMs: between(0.5, 3),
      }),
    },
  ],
  [
    'metrics scraped',
    {
      port: 9100,
      said: asking({ seconds: 60, ask: 190, answer: between(60_000, 70_000), workMs: 20, restMs: 5_000 }),
    },
  ],
  [
    'Redis subscriptions',
    {
      port: 6379,
      said: together(beating(15, between(5, 120), between(60, 800), true), beating(15, 3_000, 14, false)),
    },
  ],
];

export function serviceKinds(): Kind[] {
  const group = 'no session';
  const right = { desktops: [] };
  const kind = (name: string, conversations: readonly Conversation[]): Kind => ({
    group,
    name,
    right,
    file: () => pcap(framed(inOrder(...conversations.map((c, n) => packetsOf(c, 7 + n))))),
  });
  return [
    ...SERVICES.flatMap(([name, c, others = []]) => [
      kind(name, [{ rttMs: 0.4, ...c }]),
      kind(`${name}, 25 ms away`, [{ ...c, rttMs: 25, said: (r) => stretched(c.said(r), 25) }]),
      ...others.map((port) => kind(`${name}, on ${port}`, [{ rttMs: 0.4, ...c, port }])),
      ...others
        .slice(0, 1)
        .map((port) =>
          kind(`${name}, on ${port}, 25 ms away`, [
            { ...c, port, rttMs: 25, said: (r) => stretched(c.said(r), 25) },
          ]),
        ),
    ]),
    kind(
      'a port scan',
      Array.from({ length: 600 }, (_, n): Conversation => ({
        port: n + 1,
        clientPort: 44_000,
        opens: true,
        said: () => [{ atMs: n * 3, fromServer: false, bytes: 1 }].slice(1),
      })),
    ),
    kind(
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
    ),
    kind(
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
    ),
    kind(
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
    ),
    kind('a flood of names from one port', [
      {
        protocol: 'udp',
        port: 53,
        said: asking({ seconds: 5, ask: between(30, 60), answer: between(60, 900), workMs: 1, restMs: 2 }),
      },
    ]),
    kind('a backup beside a call and names', [
      { port: 9102, opens: true, said: together(paced(8, 900, true), beating(8, 400, 60, false, 200)) },
      {
        protocol: 'udp',
        port: 16_400,
        clientPort: 20_000,
        said: together(beating(8, 20, 32, true, 6), beating(8, 20, 32, false, 6)),
      },
      {
        protocol: 'udp',
        port: 53,
        server: '203.0.113.53',
        client: SERVER,
        clientPort: 40_002,
        said: asking({ seconds: 5, ask: 40, answer: 120, workMs: 8, restMs: 300 }),
      },
    ]),
  ];
}

/** Farther away: what answers the other side comes later by the way. */
function stretched(said: readonly Said[], rttMs: number): Said[] {
  const sorted = [...said].sort((a, b) => a.atMs - b.atMs);
  let late = 0;
  return sorted.map((s, i) => {
    const previous = sorted[i - 1];
    if (!s.fromServer && previous?.fromServer === true && s.atMs - previous.atMs > 0) late += rttMs;
    return { ...s, atMs: s.atMs + late };
  });
}
