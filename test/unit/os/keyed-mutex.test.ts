import fc from 'fast-check';
import { KeyedMutex } from '../../../os/keyed-mutex.js';

const ticks = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

describe('a mutex by key', () => {
  it('never lets two hold one key, whenever they come and however they end', async () => {
    const call = fc.record({
      after: fc.nat(30),
      key: fc.constantFrom('a', 'b'),
      length: fc.nat(6),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 2, maxLength: 12 }), async (calls) => {
        const mutex = new KeyedMutex();
        const holders = { a: 0, b: 0 };
        const ran: number[] = [];
        await Promise.allSettled(
          calls.map(async ({ after, key, length, fails }, i) => {
            await ticks(after);
            await mutex.runExclusive(key, async () => {
              holders[key] += 1;
              expect(holders[key]).toBe(1);
              await ticks(length);
              holders[key] -= 1;
              ran.push(i);
              if (fails) throw new Error('asked to fail');
            });
          }),
        );
        expect(ran).toHaveLength(calls.length);
      }),
      { numRuns: 500 },
    );
  });

  it('gives its turn to those who wait in the order in which they came', async () => {
    const mutex = new KeyedMutex();
    const order: number[] = [];
    await Promise.all([0, 1, 2, 3].map((i) => mutex.runExclusive('key', async () => void order.push(i))));
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('does not make one key wait for another', async () => {
    const mutex = new KeyedMutex();
    const done = new AbortController();
    const held = mutex.runExclusive(
      'slow',
      () => new Promise<void>((resolve) => done.signal.addEventListener('abort', () => resolve())),
    );
    expect(await mutex.runExclusive('quick', async () => 'through')).toBe('through');
    done.abort();
    await held;
  });
});
