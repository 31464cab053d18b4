import { setTimeout as sleep } from 'node:timers/promises';
import { LinkWatchdog, type LinkWatchdogOptions } from '../../../../drivers/qemu/source/link-watchdog.js';

/** Watch with scripted answers (`null`: none at all); tells what was done, in order. */
function watch(answers: readonly (boolean | null | Error)[], more: Partial<LinkWatchdogOptions> = {}) {
  const done: string[] = [];
  let probes = 0;
  let finished: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (finished = resolve));
  const watchdog = new LinkWatchdog({
    probe: async (signal) => {
      const answer = answers[probes++];
      if (answer instanceof Error) throw answer;
      if (answer === null) await sleep(10_000, undefined, { signal });
      if (answer === undefined) finished();
      return answer !== false;
    },
    intervalMs: 5,
    lossThreshold: 3,
    cutLink: async () => void done.push('cut'),
    onLost: () => {
      done.push('lost');
      finished();
    },
    onError: (e) => void done.push(`error ${String(e)}`),
    now: () => 0,
    ...more,
  });
  return { watchdog, done, ended };
}

describe('the watchdog of a link', () => {
  it('cuts the link before anything else when the peer is silent, refuses or errs three times in a row', async () => {
    const { watchdog, done, ended } = watch([true, null, false, new Error('unreachable')]);
    watchdog.start();
    await ended;
    expect(done).toEqual(['cut', 'lost']);
    await watchdog.stop();
  });

  it('starts to count anew at each answer', async () => {
    const { watchdog, done, ended } = watch([false, false, true, false, false, true]);
    watchdog.start();
    await ended;
    await watchdog.stop();
    expect(done).toEqual([]);
  });

  it('goes on to cancel the move when cutting fails, and tells why it failed', async () => {
    const { watchdog, done, ended } = watch([false, false, false], {
      cutLink: () => Promise.reject(new Error('no monitor')),
    });
    watchdog.start();
    await ended;
    await watchdog.stop();
    expect(done).toEqual(['error Error: no monitor', 'lost']);
  });

  it('concludes nothing from the times when it was not run itself', async () => {
    let nowMs = 0;
    const { watchdog, done, ended } = watch([false, false, false, false, false, false, true], {
      now: () => (nowMs += 30),
    });
    watchdog.start();
    await ended;
    await watchdog.stop();
    expect(done).toEqual([]);
  });

  it('does nothing once stopped', async () => {
    const { watchdog, done } = watch([null, null, null, null]);
    watchdog.start();
    await watchdog.stop();
    expect(done).toEqual([]);
  });
});
