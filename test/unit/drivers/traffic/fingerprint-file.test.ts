import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { fingerprintFile, fingerprintInput } from '../../../../cli/commands/fingerprint.js';
import { renderExplanation } from '../../../../cli/commands/explain.js';
import type { CaptureReport } from '../../../../domain/fingerprint/rank/capture-report.js';
import {
  ethernet,
  FLAGS,
  ipv4,
  pcapFile,
  pcapngFile,
  tcp,
  type Captured,
} from '../../domain/fingerprint/packet-bytes.js';
import { play, type SessionSpec } from '../../domain/fingerprint/synthetic-session.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'vmshadow-capture-'))));
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** A session as tcpdump would have captured it, cut after 60 bytes. */
function captured(spec: SessionSpec): Captured[] {
  return play(spec).packets.map((p) => {
    const whole = ethernet(
      ipv4(
        tcp({
          sourcePort: p.sourcePort,
          destinationPort: p.destinationPort,
          sequence: p.tcp!.sequence,
          acknowledgement: p.tcp!.acknowledgement,
          flags: FLAGS.ack | (p.tcp!.push ? FLAGS.push : 0),
          payload: p.payloadBytes,
        }),
        { source: p.source, destination: p.destination },
      ),
    );
    return { timeMs: p.timeMs, bytes: whole.subarray(0, 60), wireBytes: whole.length };
  });
}

/** With what the kernels of both ends acknowledge at once. */
function acknowledged(spec: SessionSpec): Captured[] {
  return captured(spec).flatMap((p) => {
    const ack = Buffer.alloc(60);
    p.bytes.copy(ack);
    const swap = (at: number, other: number, size: number) => {
      p.bytes.copy(ack, at, other, other + size);
      p.bytes.copy(ack, other, at, at + size);
    };
    swap(26, 30, 4);
    swap(34, 36, 2);
    const payload = p.wireBytes! - 54;
    ack.writeUInt32BE(p.bytes.readUInt32BE(42), 38);
    ack.writeUInt32BE((p.bytes.readUInt32BE(38) + payload) >>> 0, 42);
    ack.writeUInt16BE(40, 16);
    ack.writeUInt8(FLAGS.ack, 47);
    return [p, { timeMs: p.timeMs + 0.1, bytes: ack.subarray(0, 54), wireBytes: 54 }];
  });
}

/** A packet of the session with its server at another port. */
function onPort(packet: Buffer, port: number): Buffer {
  const moved = Buffer.from(packet);
  for (const at of [34, 36]) if (moved.readUInt16BE(at) === 5901) moved.writeUInt16BE(port, at);
  return moved;
}

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
const json = async (path: string, desktop?: string): Promise<CaptureReport[]> =>
  JSON.parse(
    await fingerprintFile(path, desktop === undefined ? { json: true } : { desktop, json: true }),
  ) as CaptureReport[];

const film = captured({ rttMs: 100, changeEveryMs: 1000 / 24 });

describe('vmshadow fingerprint FILE', () => {
  it.each([
    ['pcap', pcapFile(film)],
    ['pcapng', pcapngFile(film)],
  ])('reports on a %s cut by its snap length', async (name, bytes) => {
    const [report] = await json(await file(name, bytes));
    expect(report).toMatchObject({
      desktop: '10.77.0.2',
      rank: 1,
      protocol: 'vnc',
      mode: 'pull',
      client: '198.51.100.2',
      counted: { packets: film.length, malformed: 0, truncated: 0, fragments: 0 },
    });
    expect(report!.rttMs).toBeCloseTo(101, 0);
    expect(report!.framesPerSecond).toBeCloseTo(9.5, 0);
    expect(report!.predicted.find((p) => p.rttMs === 20)!.framesPerSecond).toBeGreaterThan(20);
  });

  it('has exactly the keys that scripts may rely on', async () => {
    const [report] = await json(await file('keys', pcapFile(film)));
    expect(Object.keys(report!)).toEqual([
      'desktop',
      'rank',
      'rankPaper',
      'protocol',
      'mode',
      'client',
      'rttMs',
      'framesPerSecond',
      'thinkMs',
      'turnaroundMs',
      'distanceLimitedShare',
      'predicted',
      'reasons',
      'counted',
      'mended',
    ]);
    expect(Object.keys(report!.predicted[0]!)).toEqual(['rttMs', 'framesPerSecond', 'responseMs']);
    expect(Object.keys(report!.counted)).toEqual(
      expect.arrayContaining(['packets', 'malformed', 'truncated', 'fragments', 'clockJumps']),
    );
  });

  it('says that it guessed the desktop, and takes another one on demand', async () => {
    const path = await file('guess', pcapFile(film));
    expect((await json(path))[0]!.reasons.join()).toContain('the desktop was guessed');
    const [other] = await json(path, '198.51.100.2');
    expect(other!.desktop).toBe('198.51.100.2');
    expect(other!.reasons.join()).not.toContain('guessed');
  });

  it('gives null and the reason for what cannot be known', async () => {
    const two = film.slice(0, 2);
    const [report] = await json(await file('short', pcapFile(two)));
    expect(report).toMatchObject({ turnaroundMs: null, predicted: [], mode: 'unknown' });
    expect(report!.reasons.join()).toContain('no prediction: fewer complete cycles than it needs');
    expect(report!.reasons.join()).toContain('think or turnaround unknown');
  });

  it('counts bad packets and survives them', async () => {
    const bad: Captured[] = [
      { timeMs: film[3]!.timeMs, bytes: Buffer.alloc(3) },
      { timeMs: film[3]!.timeMs, bytes: ethernet(ipv4(tcp(), { fragment: 9 })) },
      { timeMs: film[3]!.timeMs, bytes: film[3]!.bytes.subarray(0, 20), wireBytes: 1500 },
    ];
    const [report] = await json(
      await file('bad', pcapFile([...film.slice(0, 100), ...bad, ...film.slice(100)])),
    );
    expect(report!.counted).toMatchObject({ malformed: 1, fragments: 1, truncated: 1 });
    expect(report!.rank).toBe(1);
  });

  it('gives no rank, and says why, of the stump of a capture that has hardly more than a greeting', async () => {
    const slow = captured({ rttMs: 900, changeEveryMs: 1_000 });
    const stump = pcapFile(slow).subarray(0, 1_000);
    const elsewhere = pcapFile(slow.map((p) => ({ ...p, bytes: onPort(p.bytes, 40_001) }))).subarray(
      0,
      1_000,
    );
    for (const [name, bytes] of Object.entries({ stump, elsewhere })) {
      const [report] = await json(await file(name, bytes));
      expect(report).toMatchObject({ rank: null, rankPaper: null, predicted: [] });
      expect(report!.reasons.join('\n')).toMatch(
        /no rank: the capture holds 1\d packets of the desktop, too few/,
      );
    }
  });

  it('reports on what comes before the damage of a file', async () => {
    const cut = pcapFile(film);
    const [report] = await json(await file('cut', cut.subarray(0, cut.length - 5)));
    expect(report!.reasons[0]).toContain('ends in the middle of a record');
    expect(report!.rank).toBe(1);
  });

  it.each([
    ['an empty file', Buffer.alloc(0), 'the capture is empty'],
    ['a text', Buffer.from('no capture at all'), 'neither a pcap nor a pcapng'],
    ['a capture without packets', pcapFile([]), 'none of its 0 packets'],
  ])('explains what is wrong with %s', async (_, bytes, why) => {
    await expect(json(await file('wrong', bytes))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(why) as string,
    });
  });

  it('explains that a file is missing, and that an address is none', async () => {
    await expect(json(join(folder, 'none'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(json(await file('address', pcapFile(film)), 'desktop-1')).rejects.toThrow(
      'expected an IPv4 or IPv6 address',
    );
    await expect(json(await file('absent', pcapFile(film)), '192.0.2.99')).rejects.toThrow(
      'no TCP or UDP packet',
    );
  });

  const desktop = '10.77.0.2';
  const fromUser = (p: Captured) => p.bytes.readUInt32BE(26) !== 0x0a4d0002;
  const sound = async () => (await json(await file('sound', pcapFile(film))))[0]!;
  const same = ['rank', 'mode', 'rttMs', 'framesPerSecond', 'thinkMs', 'turnaroundMs', 'predicted'] as const;

  it.each<[string, number, (p: Captured, i: number) => number]>([
    ['batches of 350 ms an interface', 350, (p) => (fromUser(p) ? 0 : 1)],
    ['batches of a second', 1000, (p) => (fromUser(p) ? 1 : 0)],
    ['batches of three queues', 270, (_, i) => i % 3],
  ])('sorts what was written in %s', async (_, ms, queue) => {
    const batch = (p: Captured) => Math.floor(p.timeMs / ms);
    const written = film
      .map((p, i) => ({ p, queue: queue(p, i), i }))
      .sort((a, b) => batch(a.p) - batch(b.p) || a.queue - b.queue || a.i - b.i)
      .map(({ p }) => p);
    const [report] = await json(await file('batches', pcapFile(written)));
    const before = await sound();
    for (const key of same) expect(report![key]).toEqual(before[key]);
    expect(report!.counted.outOfOrder).toBeGreaterThan(0);
    expect(report!.mended).toEqual([expect.stringMatching(/stood behind later ones.*sorted by time/)]);
  });

  it.each([-30, 30, -400])('puts a clock right that is %d ms off in one direction', async (off) => {
    const near = acknowledged({ rttMs: 20, changeEveryMs: 1000 / 24 });
    const skewed = near.map((p) => (fromUser(p) ? { ...p, timeMs: p.timeMs + off } : p));
    const [before] = await json(await file('near', pcapFile(near)));
    const [report] = await json(await file('clocks', pcapFile(skewed)));
    expect(report!.rank).toBeCloseTo(before!.rank!, 1);
    expect(report!.framesPerSecond).toBeCloseTo(before!.framesPerSecond!, 0);
    expect(report!.mended.join()).toMatch(/the clock of packets (to|from) the desktop was .* behind/);
  });

  it('trusts no clock that is off where a long way between question and answer hides by how much', async () => {
    const skewed = film.map((p) => (fromUser(p) ? { ...p, timeMs: p.timeMs + 60 } : p));
    const [report] = await json(await file('far', pcapFile(skewed)));
    expect(report).toMatchObject({ rank: null, rttMs: null, mended: [expect.stringMatching(/sorted/)] });
    expect(report!.reasons[0]).toMatch(/not to be trusted, by the order of the file/);
  });

  it('trusts no clocks that differ where the order of the file does not tell by how much', async () => {
    const sorted = film
      .map((p) => (fromUser(p) ? { ...p, timeMs: p.timeMs - 130 } : p))
      .sort((a, b) => a.timeMs - b.timeMs);
    const [report] = await json(await file('merged', pcapFile(sorted)));
    expect(report).toMatchObject({ rank: null, rttMs: null, framesPerSecond: null, predicted: [] });
    expect(report!.reasons[0]).toMatch(/not to be trusted, the clocks of the two directions differ/);
  });

  it('leaves out second copies, also those of a router on the way, but not what was sent again', async () => {
    const numbered = film.map((p, i) => {
      const b = Buffer.from(p.bytes);
      b.writeUInt16BE(i % 65_536, 18);
      return { ...p, bytes: b };
    });
    const hop = (p: Captured) => {
      const b = Buffer.from(p.bytes);
      b.writeUInt8(63, 22);
      return { ...p, timeMs: p.timeMs + 0.04, bytes: b };
    };
    const twice = numbered.flatMap((p) => [p, hop(p)]);
    const [report] = await json(await file('twice', pcapFile(twice)));
    const before = await sound();
    for (const key of same) expect(report![key]).toEqual(before[key]);
    expect(report!.counted).toMatchObject({ duplicates: film.length, retransmissions: 0 });
    const again = numbered.flatMap((p, i) => (i === 50 ? [p, { ...p, timeMs: p.timeMs + 210 }] : [p]));
    const [lossy] = await json(await file('again', pcapFile(again.sort((a, b) => a.timeMs - b.timeMs))));
    expect(lossy!.counted.duplicates).toBe(0);
  });

  it.each<[string, (p: Captured) => boolean]>([
    ['to the desktop', fromUser],
    ['from the desktop', (p) => !fromUser(p)],
  ])('gives no rank where only packets %s were captured', async (direction, there) => {
    const [report] = await json(await file('half', pcapFile(film.filter(there))), desktop);
    expect(report).toMatchObject({
      rank: null,
      rankPaper: null,
      rttMs: null,
      framesPerSecond: null,
      mode: 'unknown',
    });
    expect(report!.reasons[0]).toContain(`only one direction was captured, ${direction}`);
  });

  it('gives no rank for less than a second', async () => {
    const start = film[0]!.timeMs;
    const [report] = await json(
      await file('moment', pcapFile(film.filter((p) => p.timeMs < start + 900))),
      desktop,
    );
    expect(report).toMatchObject({ rank: null, framesPerSecond: null, predicted: [] });
    expect(report!.reasons[0]).toMatch(/the capture lasts 8\d\d ms/);
  });

  it('says where a capture has gaps', async () => {
    const [report] = await json(
      await file('gaps', pcapFile(film.filter((p, i) => fromUser(p) || i % 3 > 0))),
    );
    expect(report!.reasons.join()).toMatch(/the capture has gaps: \d+ acknowledgements/);
    expect(report!.rank).not.toBeNull();
  });

  it('reads gzip, and as much as there is of one that is cut', async () => {
    const packed = gzipSync(pcapFile(film));
    const before = await sound();
    const [report] = await json(await file('packed.gz', packed));
    for (const key of same) expect(report![key]).toEqual(before[key]);
    const [cut] = await json(
      await file('cut.gz', gzipSync(pcapFile(film), { level: 0 }).subarray(0, -2_000)),
    );
    expect(cut!.reasons[0]).toMatch(/packed data end early/);
  });

  it('reads standard input, and judges what has come when it is told to end', async () => {
    const options = { json: true };
    const bytes = pcapFile(film);
    const whole = await fingerprintInput(Readable.from([bytes]), new AbortController().signal, options);
    const [report] = JSON.parse(whole) as CaptureReport[];
    const before = await sound();
    for (const key of same) expect(report![key]).toEqual(before[key]);
    const enough = new AbortController();
    const endless = new Readable({ read: () => undefined });
    endless.push(bytes);
    const judged = fingerprintInput(endless, enough.signal, {
      ...options,
      progress: (done) => done >= bytes.length && enough.abort(),
    });
    expect((JSON.parse(await judged) as CaptureReport[])[0]!.rank).toBe(before.rank);
  });

  it('names what a capture holds instead of TCP and UDP', async () => {
    const esp = Array.from({ length: 12 }, (_, i) => ({
      timeMs: i,
      bytes: ethernet(ipv4(Buffer.alloc(60), { protocol: 50 })),
    }));
    await expect(json(await file('esp', pcapFile(esp)))).rejects.toThrow(
      'all 12 packets are IPsec ESP (encrypted)',
    );
    const [mixed] = await json(await file('mixed', pcapFile([...film, ...esp])), desktop);
    expect(mixed!.reasons.join()).toContain(`12 of ${film.length + 12} packets are IPsec ESP (encrypted)`);
  });

  it('tells people the same in words with a plot', async () => {
    const text = await fingerprintFile(await file('text', pcapFile(film)), { json: false });
    expect(text).toContain('10.77.0.2: rank 1.00 of 1');
    expect(text).toMatch(/ {5}100 {7}9\.\d .*# </);
    expect(text).toContain('wait for the user');
    for (const line of text.split('\n').filter((l) => l.includes('#'))) expect(line.length).toBeLessThan(80);
  });
});

describe('renderExplanation', () => {
  it('explains a desktop of which nothing has been seen', () => {
    const text = renderExplanation({
      desktop: 'd1',
      rank: null,
      rankPaper: null,
      rttMs: null,
      reasons: [],
      predicted: [],
    });
    expect(text).toContain('d1: rank - of 1');
    expect(text).toContain('nothing has been seen of it yet');
    expect(text).toContain('No prediction');
  });

  it('compares the sites that the user could have', () => {
    const predicted = [1, 100].map((rttMs) => ({
      rttMs,
      framesPerSecond: 24 - rttMs / 7,
      responseMs: rttMs + 40,
    }));
    const text = renderExplanation({
      desktop: 'd1',
      rank: 0.9,
      rankPaper: 0.7,
      rttMs: 95,
      rtts: { far: 95, near: 3 },
      user: { address: '198.51.100.2', port: 4 },
      reasons: ['because'],
      predicted,
    });
    expect(text.indexOf('near')).toBeLessThan(text.indexOf('far'));
    expect(text).toContain('user 198.51.100.2 port 4');
  });
});

const captures = fileURLToPath(new URL('../../../../../shared/captures/', import.meta.url));
// The captures are no part of the repository: a check for those who have them. What they hold the rules to, other tests do by traffic of
// their own (test/unit/domain/fingerprint, test/system/traffic).
if (existsSync(join(captures, 'self_vnc_video_0.pcap')))
  describe('labelled captures', () => {
    const report = async (name: string) => (await json(join(captures, name)))[0]!;

    it('rank every film and game above every text, web and idle session', async () => {
      const rank = async (names: string[]) =>
        Promise.all(names.map(async (n) => (await report(`self_vnc_${n}.pcap`)).rank ?? NaN));
      const high = await rank(['video_0', 'video_20', 'video-pull_100', 'game_0', 'game_100']);
      const low = await rank(['text_0', 'text_20', 'web_0', 'web_100']);
      expect(Math.min(...high)).toBeGreaterThan(0.9);
      expect(Math.max(...low)).toBeLessThan(0.1);
      // A fifth of a second of somebody idle.
      for (const n of ['idle_0', 'idle_100'])
        expect(await report(`self_vnc_${n}.pcap`)).toMatchObject({ rank: null, predicted: [] });
    });

    it('predict from 0 ms what was measured at 20 and 100 ms', async () => {
      const at = (r: CaptureReport, rttMs: number) =>
        r.predicted.find((p) => p.rttMs === rttMs)!.framesPerSecond;
      const [video, game] = [await report('self_vnc_video_0.pcap'), await report('self_vnc_game_0.pcap')];
      const measured: [number, number][] = [
        [at(video, 20), 24.1],
        [at(video, 100), 9.6],
        [at(game, 20), 19.9],
        [at(game, 100), 7.7],
      ];
      for (const [predicted, real] of measured) expect(Math.abs(predicted / real - 1)).toBeLessThan(0.15);
    });

    it.each([
      ['ndpi_vnc.pcap', '192.168.2.110'],
      ['ndpi_citrix.pcap', '22.0.0.7'],
      ['ndpi_nomachine.pcapng', '192.168.88.208'],
      ['ndpi_rdp_over_tls.pcap', '89.31.79.12'],
      ['sv_rdp-003.pcap', '10.226.29.74'],
      ['sv_vnc-openwall-3.8.pcap', '192.168.1.10'],
      ['zeek_vnc-mac-to-linux.pcap', '192.168.2.125'],
      ['ndpi_teamviewer.pcap', '10.0.2.15'],
    ])('find the remote desktop in %s', async (name, desktop) => {
      const r = await report(name);
      expect(r.desktop).toBe(desktop);
      expect(r.client).not.toBeNull();
    });
  });
