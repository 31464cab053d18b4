// How long a look lasts, with a child in place of tcpdump that listens and sees nothing.
import { captureTap } from '../../../../drivers/traffic/tap-capture.js';

const STEP_MS = 80;
/** Longer than any test takes: a look ends by what it saw, not by this. */
const NEVER_MS = 600_000;

async function look(
  isEnough?: () => boolean,
  mostMs?: number,
): Promise<{ watchedMs: number; asked: number }> {
  let asked = 0;
  const { watchedMs } = await captureTap({
    tap: 'vms-d1',
    internalAddress: '10.77.0.2',
    port: undefined,
    durationMs: STEP_MS,
    signal: new AbortController().signal,
    prefix: ['sh', '-c', 'trap "exit 0" INT; echo listening on >&2; while :; do sleep 0.01; done', 'sh'],
    ...(mostMs === undefined ? {} : { mostMs }),
    ...(isEnough === undefined
      ? {}
      : {
          isEnough: () => {
            asked += 1;
            return isEnough();
          },
        }),
  });
  return { watchedMs, asked };
}

describe('captureTap', () => {
  it('ends when what it saw is enough', async () => {
    expect(await look(() => true, NEVER_MS)).toMatchObject({ asked: 1 });
  });

  it('looks on while it is not enough', async () => {
    let times = 0;
    expect(await look(() => ++times === 3, NEVER_MS)).toMatchObject({ asked: 3 });
  });

  it('looks no longer than it may', async () => {
    const { asked, watchedMs } = await look(() => false, 3 * STEP_MS);
    // On a busy machine a step takes longer, and there are fewer of them.
    expect(asked).toBeLessThanOrEqual(2);
    expect(watchedMs).toBeLessThanOrEqual(3 * STEP_MS);
  });

  it('asks nobody when it may look only once', async () => {
    expect(await look(() => false)).toEqual({ asked: 0, watchedMs: STEP_MS });
  });
});
