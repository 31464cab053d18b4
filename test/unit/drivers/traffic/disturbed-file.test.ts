import { pcapFile, type Captured } from '../../domain/fingerprint/packet-bytes.js';
import { acknowledged, captureFolder, DESKTOP, FIGURES, film, json } from './capture-files.js';

const { file } = captureFolder();
const sound = async () => (await json(await file('sound', pcapFile(film))))[0]!;
const fromUser = (p: Captured) => p.bytes.readUInt32BE(26) !== 0x0a4d0002;

describe('vmshadow fingerprint of a file that was captured badly', () => {
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
    for (const key of FIGURES) expect(report![key]).toEqual(before[key]);
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
    for (const key of FIGURES) expect(report![key]).toEqual(before[key]);
    expect(report!.counted).toMatchObject({ duplicates: film.length, retransmissions: 0 });
    const again = numbered.flatMap((p, i) => (i === 50 ? [p, { ...p, timeMs: p.timeMs + 210 }] : [p]));
    const [lossy] = await json(await file('again', pcapFile(again.sort((a, b) => a.timeMs - b.timeMs))));
    expect(lossy!.counted.duplicates).toBe(0);
  });

  it.each<[string, (p: Captured) => boolean]>([
    ['to the desktop', fromUser],
    ['from the desktop', (p) => !fromUser(p)],
  ])('gives no rank where only packets %s were captured', async (direction, there) => {
    const [report] = await json(await file('half', pcapFile(film.filter(there))), DESKTOP);
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
      DESKTOP,
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
});
