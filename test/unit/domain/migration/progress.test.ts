import fc from 'fast-check';
import { PHASES, type Phase } from '../../../../domain/migration/phases.js';
import {
  look,
  NO_PROGRESS,
  NOTHING_SHOWN,
  takeIn,
  type MoveProgress,
  type Shown,
} from '../../../../domain/migration/progress.js';

const MB = 1e6;
/** A disk of 1 GB of which 60 MB hold data, and 256 MB of memory. */
const SPARSE: MoveProgress = {
  ...NO_PROGRESS,
  diskTotalBytes: 1_000 * MB,
  diskUsedBytes: 60 * MB,
  memoryTotalBytes: 256 * MB,
};

/** What is shown of each of these looks, one after another. */
function shownOf(looks: readonly (readonly [Phase, Partial<MoveProgress>])[], from = SPARSE): Shown[] {
  let progress = from;
  let shown = NOTHING_SHOWN;
  return looks.map(([phase, part]) => {
    progress = takeIn(progress, part);
    shown = look(shown, progress, phase);
    return shown;
  });
}

const bytes = fc.integer({ min: 0, max: 2e12 });
const rate = fc.double({ min: 0, max: 1e10, noNaN: true });
const wire = fc.option(bytes, { nil: null });
const report: fc.Arbitrary<Partial<MoveProgress>> = fc.record(
  {
    diskDoneBytes: bytes,
    diskTotalBytes: bytes,
    diskUsedBytes: bytes,
    diskWireBytes: wire,
    memoryDoneBytes: bytes,
    memoryTotalBytes: bytes,
    memoryWireBytes: wire,
    bytesPerSecond: rate,
    dirtyBytesPerSecond: rate,
    round: fc.integer({ min: 0, max: 40 }),
  },
  { requiredKeys: [] },
);

describe('what is shown of a move', () => {
  it('never falls, whatever is reported in whatever order, and its time left is never negative or endless', () => {
    const looks = fc.array(fc.tuple(fc.constantFrom(...PHASES), report), { maxLength: 40 });
    fc.assert(
      fc.property(looks, (all) => {
        let before = 0;
        for (const { percent, etaMs, paceBytesPerSecond } of shownOf(all, NO_PROGRESS)) {
          expect(percent).toBeGreaterThanOrEqual(before);
          expect(percent).toBeLessThanOrEqual(100);
          expect(Number.isInteger(percent)).toBe(true);
          expect(paceBytesPerSecond).toBeGreaterThanOrEqual(0);
          if (etaMs !== null) expect(Number.isSafeInteger(etaMs) && etaMs >= 0).toBe(true);
          before = percent;
        }
      }),
    );
  });

  it('reckons with what relays keep off the wire, and keeps what was last told of it', () => {
    const saved = { zero: 500 * MB, known: 15 * MB, unchanged: 0, compressed: 5 * MB };
    const half = { diskDoneBytes: 500 * MB, diskWireBytes: 10 * MB, bytesPerSecond: MB };
    const noMemory = { ...SPARSE, memoryTotalBytes: 0 };
    expect(shownOf([['async-disk', half]], noMemory)[0]?.etaMs).toBe(50_000);
    const [relayed, next] = shownOf(
      [
        ['async-disk', { ...half, saved }],
        ['async-disk', { saved: undefined }],
      ],
      noMemory,
    );
    expect(relayed?.etaMs).toBe(10_000);
    expect(next?.etaMs).toBe(10_000);
  });

  it('says 100 percent only when the desktop runs at the target, and never more than 97 before', () => {
    const early = PHASES.filter((p) => p !== 'cleanup');
    const looks = fc.array(fc.tuple(fc.constantFrom(...early), report), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(looks, (all) => {
        expect(shownOf(all, NO_PROGRESS).at(-1)?.percent).toBeLessThanOrEqual(97);
        expect(shownOf([...all, ['cleanup', {}]], NO_PROGRESS).at(-1)?.percent).toBe(100);
      }),
    );
  });

  it('goes by what crosses the wire: the zeros of a disk move it little', () => {
    const [half, done] = shownOf([
      ['async-disk', { diskDoneBytes: 500 * MB, diskWireBytes: 30 * MB, bytesPerSecond: 25 * MB }],
      ['async-disk', { diskDoneBytes: 1_000 * MB, diskWireBytes: 60 * MB }],
    ]);
    expect([half?.percent, done?.percent]).toEqual([9, 18]);
    expect(half?.etaMs).toBe(Math.round((286 / 25) * 1000));
  });

  it('waits where a round of pre-copy begins, instead of falling back', () => {
    const shown = shownOf([
      ['memory', { diskWireBytes: 60 * MB, round: 1, memoryDoneBytes: 250 * MB, memoryWireBytes: 130 * MB }],
      ['memory', { round: 2, memoryDoneBytes: 200 * MB, memoryWireBytes: 133 * MB }],
      ['memory', { round: 3, memoryDoneBytes: 250 * MB, memoryWireBytes: 180 * MB }],
      ['switchover', {}],
      ['cleanup', {}],
    ]);
    expect(shown.map((s) => s.percent)).toEqual([95, 95, 95, 97, 100]);
  });

  it('expects a guest that writes fast to need many rounds', () => {
    const at = (dirtyBytesPerSecond: number) =>
      shownOf([
        [
          'memory',
          {
            diskWireBytes: 60 * MB,
            round: 1,
            memoryDoneBytes: 128 * MB,
            memoryWireBytes: 64 * MB,
            bytesPerSecond: 8 * MB,
            dirtyBytesPerSecond,
          },
        ],
      ])[0]?.percent;
    expect([at(0), at(4 * MB), at(100 * MB)]).toEqual([65, 49, 32]);
  });

  it('believes in the link for a while when nothing but zeros pass', () => {
    const zeros: Partial<MoveProgress> = { bytesPerSecond: 0 };
    const [fast, later, muchLater] = shownOf([
      ['async-disk', { diskDoneBytes: 500 * MB, diskWireBytes: 30 * MB, bytesPerSecond: 25 * MB }],
      ['async-disk', zeros],
      ['async-disk', zeros],
    ]);
    expect(later!.etaMs! / fast!.etaMs!).toBeCloseTo(1 / 0.97, 3);
    expect(muchLater!.etaMs! / fast!.etaMs!).toBeCloseTo(1 / 0.97 ** 2, 3);
  });

  it('has no time left to tell while nothing moves, and none after the switchover', () => {
    const [before, idle, , after] = shownOf([
      ['preflight', { bytesPerSecond: 5 }],
      ['async-disk', {}],
      ['async-disk', { bytesPerSecond: 5 * MB }],
      ['cleanup', {}],
    ]);
    expect(before?.etaMs).toBeNull();
    expect(shownOf([['async-disk', {}]])[0]?.etaMs).toBeNull();
    expect(idle?.etaMs).not.toBeNull();
    expect(after?.etaMs).toBeNull();
  });

  it('goes by what the target has where hosts cannot tell what crosses the wire', () => {
    const from = { ...NO_PROGRESS, diskTotalBytes: 100, memoryTotalBytes: 100 };
    expect(shownOf([['async-disk', { diskDoneBytes: 50 }]], from)[0]?.percent).toBe(25);
    expect(
      shownOf([['memory', { diskDoneBytes: 100, memoryDoneBytes: 50, round: 1 }]], from)[0]?.percent,
    ).toBe(75);
  });
});

describe('takeIn', () => {
  it('keeps the totals that it knows while the hypervisor has not counted yet', () => {
    const now = takeIn(SPARSE, { diskTotalBytes: 0, memoryTotalBytes: 0, memoryDoneBytes: 0 });
    expect(now).toEqual(SPARSE);
    expect(shownOf([['memory', { diskWireBytes: 60 * MB, memoryTotalBytes: 0 }]])[0]?.percent).toBe(18);
  });

  it('lets no late report take back what has crossed the wire', () => {
    const now = takeIn(SPARSE, { diskWireBytes: 50, diskDoneBytes: 9 });
    expect(takeIn(now, { diskWireBytes: 40, diskDoneBytes: 8 })).toMatchObject({
      diskWireBytes: 50,
      diskDoneBytes: 8,
    });
    expect(takeIn(now, { diskWireBytes: null }).diskWireBytes).toBe(50);
    expect(takeIn(now, {}).memoryWireBytes).toBeNull();
  });
});
