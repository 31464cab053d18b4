import { SpareTime } from '../../../transfer/relay/spare-time.js';

describe('spare time', () => {
  /** Looks each 100 ms at a sender that waits for this share of the time; gives what it is told at the end. */
  const after = (spare: SpareTime, fromMs: number, forMs: number, waiting: number): number => {
    let effort = 0;
    for (let now = fromMs; now < fromMs + forMs; now += 100) {
      spare.waits(true, now);
      spare.waits(false, now + 100 * waiting);
      effort = spare.effort(now + 99);
    }
    return effort;
  };

  it('is used step by step while the sender waits for the link, and given back when it does no more', () => {
    const spare = new SpareTime();
    expect(after(spare, 0, 700, 0.8)).toBe(1);
    expect(after(spare, 700, 2_000, 0.8)).toBe(2);
    // Harder compression has taken some of the waiting.
    expect(after(spare, 3_000, 2_000, 0.2)).toBe(2);
    expect(after(spare, 5_000, 2_000, 0.02)).toBe(0);
    expect(after(spare, 7_000, 2_000, 0.2)).toBe(0);
  });

  it('is not made by one short wait', () => {
    const spare = new SpareTime();
    expect(after(spare, 0, 300, 1)).toBe(0);
  });
});
