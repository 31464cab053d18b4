import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { fingerprintFile, fingerprintInput } from '../../../../cli/commands/fingerprint.js';
import type { CaptureReport } from '../../../../domain/fingerprint/rank/capture-report.js';
import {
  ethernet,
  ipv4,
  pcapFile,
  pcapngFile,
  tcp,
  type Captured,
} from '../../domain/fingerprint/packet-bytes.js';
import { undecidedKinds } from '../../../../lab/captures/kinds-undecided.js';
import { captured, captureFolder, DESKTOP, FIGURES, film, json, onPort } from './capture-files.js';

const { pathOf, file } = captureFolder();
const sound = async () => (await json(await file('sound', pcapFile(film))))[0]!;

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

  it('takes the operator’s word for the port of a screen that cannot be told by its headers', async () => {
    const pushed = undecidedKinds().find(
      (k) => k.name === 'a film pushed to somebody who only looks, on 31337',
    );
    const path = await file('pushed', pushed!.file());
    const [unknown] = await json(path);
    expect(unknown).toMatchObject({ rank: null, client: null });
    expect(unknown!.reasons[0]).toContain('--port 31337 says that it does');
    const told = JSON.parse(await fingerprintFile(path, { port: 31_337, json: true })) as CaptureReport[];
    expect(told[0]).toMatchObject({ rank: expect.any(Number), client: '198.51.100.2' });
    expect(told[0]!.framesPerSecond).toBeCloseTo(24, 0);
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
    await expect(json(pathOf('none'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(json(await file('address', pcapFile(film)), 'desktop-1')).rejects.toThrow(
      'expected an IPv4 or IPv6 address',
    );
    await expect(json(await file('absent', pcapFile(film)), '192.0.2.99')).rejects.toThrow(
      'no TCP or UDP packet',
    );
  });

  it('reads gzip, and as much as there is of one that is cut', async () => {
    const packed = gzipSync(pcapFile(film));
    const before = await sound();
    const [report] = await json(await file('packed.gz', packed));
    for (const key of FIGURES) expect(report![key]).toEqual(before[key]);
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
    for (const key of FIGURES) expect(report![key]).toEqual(before[key]);
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
    const [mixed] = await json(await file('mixed', pcapFile([...film, ...esp])), DESKTOP);
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
