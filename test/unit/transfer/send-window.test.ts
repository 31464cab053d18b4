import { SendWindow } from '../../../transfer/relay/send-window.js';

const BATCH = 64 * 1024;

/** A path with a rate and a round trip, and a sender that always has more; gives what waited longest in its queue, ms, and what came through. */
function play(
  window: SendWindow,
  path: (atMs: number) => { bytesPerMs: number; roundTripMs: number },
  forMs: number,
  from = { number: 0, atMs: 0 },
) {
  const onTheWay: { number: number; answerAtMs: number }[] = [];
  let { number } = from;
  let freeAtMs = from.atMs;
  let carried = 0;
  const waits: number[] = [];
  const end = from.atMs + forMs;
  for (let now = from.atMs; now < end; now++) {
    while ((onTheWay[0]?.answerAtMs ?? Infinity) <= now) {
      window.answer(onTheWay.shift()!.number, now);
      carried += BATCH;
    }
    while (!window.isFull) {
      const { bytesPerMs, roundTripMs } = path(now);
      window.send(++number, BATCH, now);
      freeAtMs = Math.max(now, freeAtMs) + BATCH / bytesPerMs;
      onTheWay.push({ number, answerAtMs: freeAtMs + roundTripMs });
      waits.push(freeAtMs - now);
    }
  }
  return { carried, waits };
}

describe('what may be under way', () => {
  it.each([
    ['60 Mbit/s, 100 ms', 7_500, 100],
    ['5 Mbit/s, 200 ms', 625, 200],
    ['1 Gbit/s, 20 ms', 125_000, 20],
    ['100 Mbit/s, 1 ms', 12_500, 1],
  ])('fills %s, and leaves little waiting in front of it', (_, bytesPerMs, roundTripMs) => {
    const { carried, waits } = play(new SendWindow(), () => ({ bytesPerMs, roundTripMs }), 10_000);
    expect(carried / (bytesPerMs * 10_000)).toBeGreaterThan(0.93);
    // 512 KiB are always let through.
    const floorMs = (512 * 1024 + BATCH) / bytesPerMs;
    const settled = waits.slice(Math.floor(waits.length / 2));
    expect(Math.max(...settled)).toBeLessThan(Math.max(floorMs, 0.5 * roundTripMs + 100));
  });

  it('follows a path that changes from 60 to 5 Mbit/s, and back', () => {
    const window = new SendWindow();
    const slow = { bytesPerMs: 625, roundTripMs: 100 };
    const fast = { bytesPerMs: 7_500, roundTripMs: 100 };
    play(window, (now) => (now < 10_000 ? fast : slow), 40_000);
    const then = window.limitBytes;
    expect(then).toBe(512 * 1024);
    const again = new SendWindow();
    const { carried } = play(again, (now) => (now < 10_000 ? slow : fast), 40_000);
    expect(carried).toBeGreaterThan(625 * 9_000 + 7_500 * 27_000);
  });

  it('does not take a sender that has little to send for a slow path', () => {
    const window = new SendWindow();
    play(window, () => ({ bytesPerMs: 7_500, roundTripMs: 100 }), 5_000);
    const before = window.limitBytes;
    for (let i = 0; i < 100; i++) {
      window.send(100_000 + i, 1_000, 6_000 + i * 300);
      window.answer(100_000 + i, 6_100 + i * 300);
    }
    expect(window.limitBytes).toBeGreaterThan(0.9 * before);
  });
});
