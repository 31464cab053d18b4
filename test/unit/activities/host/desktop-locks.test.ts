import { DesktopLocks } from '../../../../activities/host/desktop-locks.js';
import { DesktopId } from '../../../../domain/model/ids.js';

const d1 = DesktopId.parse('d1');
const d2 = DesktopId.parse('d2');

/** Work that ends when it is told to. */
function held() {
  let end!: () => void;
  const done = new Promise<void>((resolve) => (end = resolve));
  return { work: () => done, end };
}

describe('DesktopLocks', () => {
  it('does one operation of a desktop at a time, in the order of asking, and another desktop beside it', async () => {
    const locks = new DesktopLocks();
    const log: string[] = [];
    const first = held();
    const running = [
      locks.run(d1, 'a move', async () => {
        await first.work();
        log.push('first');
      }),
      locks.run(d1, 'stopping', async () => void log.push('second')),
      locks.run(d2, 'starting', async () => void log.push('other')),
    ];
    await running[2];
    expect(log).toEqual(['other']);
    expect(locks.holderOf(d1)).toBe('a move');
    first.end();
    await Promise.all(running);
    expect(log).toEqual(['other', 'first', 'second']);
    expect(locks.holderOf(d1)).toBeNull();
  });

  it('passes the turn on after an operation that failed', async () => {
    const locks = new DesktopLocks();
    const failed = locks.run(d1, 'a move', () => Promise.reject(new Error('broken')));
    await expect(failed).rejects.toThrow('broken');
    expect(await locks.run(d1, 'starting', () => Promise.resolve(7))).toBe(7);
  });

  it('names the holder to a command that waits too long, and hands the turn on that it no longer wants', async () => {
    const locks = new DesktopLocks();
    const first = held();
    const running = locks.run(d1, 'the disk copy', first.work);
    await expect(locks.run(d1, 'stopping', () => Promise.resolve(), { waitMs: 5 })).rejects.toMatchObject({
      code: 'MOVE_IN_PROGRESS',
      message: expect.stringContaining('the disk copy'),
    });
    const third = locks.run(d1, 'starting', () => Promise.resolve('ran'));
    first.end();
    await running;
    expect(await third).toBe('ran');
  });

  it('ends the waiting of an attempt that was given up', async () => {
    const locks = new DesktopLocks();
    const first = held();
    const running = locks.run(d1, 'a move', first.work);
    const givenUp = new AbortController();
    const second = locks.run(d1, 'a move', () => Promise.resolve(), { signal: givenUp.signal });
    givenUp.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    first.end();
    await running;
  });
});
