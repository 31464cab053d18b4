// Captures that only have to be read: one session behind every header and in every file.
import { gzipSync } from 'node:zlib';
import { MAGIC, pcap, pcapng, type Frame } from './files.js';
import { pulled } from './flows.js';
import { framed, type Kind, type Right } from './kind.js';
import { CLIENT, ipv4, packetsOf, SERVER, type Conversation, type Packet } from './packets.js';
import { extended, EXTENSIONS, WRAPPINGS } from './wrappings.js';

const FILM: Conversation = { port: 5901, rttMs: 20, opens: true, said: pulled(5) };
const FILM6: Conversation = { ...FILM, server: 'fd00::2', client: '2001:db8::77' };
const right: Right = {
  desktops: [SERVER],
  protocol: 'vnc',
  framesPerSecond: 24,
  rttMs: 20,
  rank: { least: 0.95, most: 1 },
};
const right6: Right = { ...right, desktops: ['fd00::2'] };

const film = packetsOf(FILM);
const film6 = packetsOf(FILM6);
const frames = framed(film);

function wrapped(): Kind[] {
  return WRAPPINGS.flatMap(({ name, linkType, wrap }) => [
    { group: 'headers', name, right, file: () => pcap(framed(film, wrap), { linkType }) },
    {
      group: 'headers',
      name: `${name}, IPv6`,
      right: right6,
      file: () => pcap(framed(film6, wrap), { linkType }),
    },
    {
      group: 'headers',
      name: `${name}, cut to 192 bytes in pcapng`,
      right,
      file: () =>
        pcapng([
          {
            interfaces: [{ linkType, resolution: 9 }],
            frames: framed(film, wrap).map((f) => ({
              ...f,
              bytes: f.bytes.subarray(0, 192 + (linkType === 119 ? 144 : 0)),
            })),
          },
        ]),
    },
  ]);
}

function extensions(): Kind[] {
  return EXTENSIONS.map(([name, first, bytes]) => ({
    group: 'headers',
    name: `IPv6 with ${name}`,
    right: right6,
    file: () =>
      pcap(
        framed(
          film6.map((p) => {
            const longer = extended(p.bytes, first, bytes);
            return { ...p, bytes: longer, wireBytes: p.wireBytes + longer.length - p.bytes.length };
          }),
        ),
      ),
  }));
}

/** Tunnels whose packets are cut in two by the outer network: the first piece has the inner headers, the second none. */
function fragments(): Kind[] {
  const MTU = 1_400;
  const cut = (
    name: string,
    into: (ip: Buffer) => { readonly protocol: number; readonly body: Buffer },
  ): Kind => ({
    group: 'headers',
    name,
    right: { ...right, says: /./ },
    file: () =>
      pcap(
        film.flatMap((p, n): Frame[] => {
          const { protocol, body } = into(p.bytes);
          const missing = p.wireBytes - p.bytes.length;
          const length = body.length + missing;
          const plain = (b: Buffer, size: number, fragment: number): Frame => {
            const ip = ipv4(b, '192.0.2.1', '192.0.2.2', protocol, size, n, fragment);
            return { ...frameOf(ip, p.timeMs), wireBytes: 14 + 20 + size };
          };
          if (length <= MTU) return [plain(body, length, 0)];
          const first = Math.floor(MTU / 8) * 8;
          return [plain(body, first, 0x2000), plain(Buffer.alloc(0), length - first, first / 8)];
        }),
      ),
  });
  const head = (to: number, size: number) => {
    const h = Buffer.alloc(8);
    h.writeUInt16BE(50_000, 0);
    h.writeUInt16BE(to, 2);
    h.writeUInt16BE(8 + size, 4);
    return h;
  };
  const ether = (ip: Buffer) => frameOf(ip, 0).bytes;
  const wire = (ip: Buffer) => ip.readUInt16BE(2);
  return [
    cut('VXLAN in fragments', (ip) => ({
      protocol: 17,
      body: Buffer.concat([head(4789, 22 + wire(ip)), Buffer.from('0800000000000700', 'hex'), ether(ip)]),
    })),
    cut('GRE in fragments', (ip) => ({
      protocol: 47,
      body: Buffer.concat([Buffer.from('00000800', 'hex'), ip]),
    })),
  ];
}

function frameOf(ip: Buffer, timeMs: number): Frame {
  return (
    framed([{ timeMs, bytes: ip, wireBytes: ip.length, fromServer: true } satisfies Packet])[0] ?? {
      timeMs,
      bytes: ip,
      wireBytes: ip.length,
    }
  );
}

function files(): Kind[] {
  const kind = (name: string, file: () => Buffer, want: Right = right): Kind => ({
    group: 'files',
    name,
    file,
    right: want,
  });
  const whole = pcap(frames);
  const half = Math.floor(frames.length / 2);
  const [a, b] = [frames.slice(0, half), frames.slice(half)];
  const bySide = film.map((p, i) => ({ ...(frames[i] as Frame), on: p.fromServer ? 0 : 1 }));
  return [
    kind('big-endian', () => pcap(frames, { big: true })),
    kind('nanoseconds', () => pcap(frames, { magic: MAGIC.nano })),
    kind('nanoseconds, big-endian', () => pcap(frames, { magic: MAGIC.nano, big: true })),
    kind('modified', () => pcap(frames, { magic: MAGIC.modified, extra: 8 })),
    kind('modified, big-endian', () => pcap(frames, { magic: MAGIC.modified, extra: 8, big: true })),
    kind('a link type with the length of the check sum', () => pcap(frames, { linkType: 0x50000001 })),
    kind('cut to 68 bytes', () => pcap(frames, { snapBytes: 68 })),
    kind('cut to 54 bytes', () => pcap(frames, { snapBytes: 54 }), { ...right, protocol: 'vnc' }),
    kind('cut to 34 bytes, before the ports', () => pcap(frames, { snapBytes: 34 }), {
      refused: /cut before/,
    }),
    kind('two captures in one file', () => Buffer.concat([pcap(a), pcap(b)])),
    kind('two captures in one file, the other byte order', () =>
      Buffer.concat([pcap(a), pcap(b, { big: true })]),
    ),
    kind('two captures in one file, the second in nanoseconds', () =>
      Buffer.concat([pcap(a), pcap(b, { magic: MAGIC.nano })]),
    ),
    kind('pcapng', () => pcapng([{ frames }])),
    kind('pcapng, big-endian', () => pcapng([{ big: true, frames }])),
    kind('pcapng, sections of either byte order', () =>
      pcapng([{ frames: a }, { big: true, interfaces: [{ resolution: 9 }], frames: b }]),
    ),
    kind('pcapng, interfaces of other resolutions', () =>
      pcapng([{ interfaces: [{ resolution: 9 }, { resolution: 3 | 0x80 | 20 }], frames: bySide }]),
    ),
    kind('pcapng, resolutions of picoseconds and 2^-30', () =>
      pcapng([{ interfaces: [{ resolution: 0x80 | 30 }, { resolution: 7 }], frames: bySide }]),
    ),
    kind('pcapng, interfaces of other offsets', () =>
      pcapng([
        {
          interfaces: [{ offsetSeconds: 1_600_000_000 }, { offsetSeconds: -3_600, resolution: 9 }],
          frames: bySide,
        },
      ]),
    ),
    kind('pcapng, interfaces of other link types', () =>
      pcapng([
        {
          interfaces: [{ linkType: 1 }, { linkType: 101 }],
          frames: bySide.map((f) =>
            f.on === 0 ? f : { ...f, bytes: f.bytes.subarray(14), wireBytes: f.wireBytes - 14 },
          ),
        },
      ]),
    ),
    kind('pcapng, old packet blocks', () => pcapng([{ frames: frames.map((f) => ({ ...f, old: true })) }])),
    kind('pcapng, secrets, names, custom blocks', () =>
      pcapng([
        {
          others: [
            [10, 3_000_000],
            [4, 60],
            [0x0bad, 800],
            [0x40000bad, 2_000_000],
            [9, 40],
          ],
          frames,
        },
      ]),
    ),
    kind('pcapng, an empty section first', () => pcapng([{ interfaces: [], frames: [] }, { frames }])),
    kind(
      'pcapng, simple packets alone',
      () => pcapng([{ frames: frames.map((f) => ({ ...f, simple: true })) }]),
      {
        refused: /carry no time/,
      },
    ),
    kind(
      'pcapng, some simple packets',
      () => pcapng([{ frames: [...frames, ...frames.slice(0, 9).map((f) => ({ ...f, simple: true }))] }]),
      { ...right, says: /9 packets carry no time/ },
    ),
    kind('pcapng behind pcap', () => Buffer.concat([pcap(a), pcapng([{ frames: b }])])),
    kind('gzip', () => gzipSync(whole)),
    kind('gzip in two members', () => {
      const cut = Math.floor(whole.length / 3);
      return Buffer.concat([gzipSync(whole.subarray(0, cut)), gzipSync(whole.subarray(cut))]);
    }),
    kind('two packed captures, one behind the other', () =>
      Buffer.concat([gzipSync(pcap(a)), gzipSync(pcap(b))]),
    ),
    kind('gzip of pcapng', () => gzipSync(pcapng([{ frames }]))),
    kind('gzip, cut', () => gzipSync(whole, { level: 0 }).subarray(0, Math.floor(whole.length * 0.9)), {
      ...right,
      says: /packed data end early/,
    }),
    kind('gzip with rubbish behind it', () => Buffer.concat([gzipSync(whole), Buffer.alloc(512)])),
    kind('cut in a record', () => whole.subarray(0, whole.length - 7), {
      ...right,
      says: /middle of a record/,
    }),
    kind(
      'damaged in the middle',
      () => {
        const bad = Buffer.from(whole);
        return Buffer.concat([bad, Buffer.alloc(64, 0xff)]);
      },
      { ...right, says: /damaged/ },
    ),
    kind('empty', () => Buffer.alloc(0), { refused: /empty/ }),
    kind('a header alone', () => pcap([]), { refused: /0 packets/ }),
    kind('a pcapng header alone', () => pcapng([{ frames: [] }]), { refused: /0 packets/ }),
    kind('an empty gzip', () => gzipSync(Buffer.alloc(0)), { refused: /empty/ }),
    kind('seven bytes', () => whole.subarray(0, 7), { refused: /middle/ }),
    kind('a snoop capture', () => Buffer.from('736e6f6f7000000000000002', 'hex'), { refused: /snoop/ }),
    kind('an IXIA capture', () => Buffer.from('1c0001ac0000000000000000', 'hex'), { refused: /IXIA/ }),
    kind('text', () => Buffer.from('12:00:00.1 IP 10.0.0.1.5900 > 10.0.0.2.4: Flags [P.]'), {
      refused: /text/,
    }),
    kind(
      'encrypted packets alone',
      () => pcap(film.map((p) => frameOf(ipv4(Buffer.alloc(60), SERVER, CLIENT, 50), p.timeMs))),
      { refused: /ESP/ },
    ),
  ];
}

export const readKinds = (): Kind[] => [...wrapped(), ...extensions(), ...fragments(), ...files()];
