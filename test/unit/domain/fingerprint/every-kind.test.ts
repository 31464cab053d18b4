// One session behind every header and in every file is one session. The same kinds, and slower ones, run in `npm run bench -- capture-kinds`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kind } from '../../../../lab/captures/kind.js';
import { decodeRawPacket } from '../../../../domain/fingerprint/capture/packet.js';
import { judge } from '../../../../lab/captures/judge.js';
import { disturbedKinds } from '../../../../lab/captures/kinds-disturbed.js';
import { readKinds } from '../../../../lab/captures/kinds-read.js';
import { serviceKinds } from '../../../../lab/captures/kinds-services.js';
import { sessionKinds } from '../../../../lab/captures/kinds-sessions.js';
import { undecidedKinds } from '../../../../lab/captures/kinds-undecided.js';
import { packetsOf } from '../../../../lab/captures/packets.js';
import { extended, EXTENSIONS, WRAPPINGS } from '../../../../lab/captures/wrappings.js';

const said = () => [
  { atMs: 0, fromServer: false, bytes: 10 },
  { atMs: 5, fromServer: true, bytes: 4_000 },
];
const four = packetsOf({ port: 5901, said });
const six = packetsOf({ port: 5901, said, server: 'fd00::2', client: '2001:db8::77' });

describe('what a packet is met behind', () => {
  it.each(WRAPPINGS.map((w) => [w.name, w] as const))('%s is looked through', (_, { linkType, wrap }) => {
    for (const p of [...four, ...six]) {
      const plain = decodeRawPacket({ timeMs: 1, linkType: 101, bytes: p.bytes, wireBytes: p.wireBytes });
      const bytes = wrap(p.bytes, 3, p.fromServer);
      const wireBytes = p.wireBytes + bytes.length - p.bytes.length;
      expect(decodeRawPacket({ timeMs: 1, linkType, bytes, wireBytes }, true)).toEqual(plain);
    }
  });

  it.each(EXTENSIONS)('IPv6’s %s', (_, first, make) => {
    for (const p of six) {
      const bytes = extended(p.bytes, first, make);
      const wireBytes = p.wireBytes + bytes.length - p.bytes.length;
      expect(decodeRawPacket({ timeMs: 1, linkType: 101, bytes, wireBytes })).toMatchObject({
        kind: 'packet',
        header: { sourcePort: p.fromServer ? 5901 : 50_123, payloadBytes: p.wireBytes - 72 },
      });
    }
  });
});

describe('a capture', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'vmshadow-kinds-'))));
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  const right = async (kind: Kind) => {
    const path = join(folder, 'capture');
    await writeFile(path, kind.file());
    expect((await judge(kind, path)).wrong).toEqual([]);
  };
  const files = readKinds().filter((k) => k.group === 'files' || k.name.endsWith('in fragments'));
  it.each(files.map((k) => [k.name, k] as const))('%s is read as it is', (_, kind) => right(kind));

  const disturbed = disturbedKinds().filter(
    (k) => !/100 ms away|(30|60|200) ms off|desktop's clock/.test(k.name),
  );
  it.each(disturbed.map((k) => [k.name, k] as const))('of a session is put right or doubted: %s', (_, kind) =>
    right(kind),
  );

  const sessions = sessionKinds().filter((k) =>
    /^two d|^a viewer|noVNC|Moonlight, 60 frames.s$/.test(k.name),
  );
  it.each(sessions.map((k) => [k.name, k] as const))('shows who is the desktop: %s', (_, kind) =>
    right(kind),
  );

  const undecided = undecidedKinds().filter((k) => /on (443|31337)$|^3 s at 300 ms$/.test(k.name));
  it.each(undecided.map((k) => [k.name, k] as const))('has no rank where it cannot be known: %s', (_, kind) =>
    right(kind),
  );

  const mistaken =
    /^(NBD of|EtherNet|a slow HTTP|copying from SSH slowly, on 2222|SRT|a game|video by short|a map|a database asked (by the clock, prep|for|now)|telemetry in TLS|a call, G.729|TFTP in blocks of 8|a scan)/;
  const services = serviceKinds().filter((k) => mistaken.test(k.name) && !k.name.endsWith('25 ms away'));
  it.each(services.map((k) => [k.name, k] as const))('shows no session: %s', (_, kind) => right(kind));
});
