// How long a look lasts, with a child in place of tcpdump that listens and sees nothing.
import { captureTap } from '../../../../drivers/traffic/tap-capture.js';

const STEP_MS = 80;

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
    expect(await look(() => true, 10 * STEP_MS)).toMatchObject({ asked: 1 });
  });

  it('looks on while it is not, as long as it may and no longer', async () => {
    const { asked, watchedMs } = await look(() => false, 3 * STEP_MS);
    expect(asked).toBe(2);
    expect(watchedMs).toBe(3 * STEP_MS);
  });

  it('asks nobody when it may look only once', async () => {
    expect(await look(() => false)).toEqual({ asked: 0, watchedMs: STEP_MS });
  });
});
