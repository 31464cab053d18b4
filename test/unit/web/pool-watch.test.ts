// What the page is told of all desktops when the loop has gone on, is slow, or is away.
import { CloudConfig } from '../../../domain/model/cloud.js';
import { DesktopId } from '../../../domain/model/ids.js';
import type { LoopStatus } from '../../../temporal/contract/status.js';
import { PoolWatch, type PoolWatchOptions } from '../../../web/server/pool-watch.js';
import { oneHostSites } from '../../support/one-host-sites.js';
import { DESKTOP, host } from '../cli/fixture.js';

const cloud = CloudConfig.parse({ sites: oneHostSites(['us-west', 'us-east']) });

/** A loop in a cycle, with its desktop at a site; `ask` is what becomes of a question. */
class Loop {
  cycle = 1;
  site = 'us-west';
  ask = () => Promise.resolve();
  /** Questions for past moves: those under way, and the most that were at one time. */
  asking = 0;
  most = 0;

  readonly watch: PoolWatch;

  constructor(patienceMs = 3_600_000) {
    this.watch = new PoolWatch({
      temporalUi: null,
      openPlaces: () => Promise.resolve(() => null),
      patienceMs,
      reader: {
        status: () => this.#status(),
        wholeStatus: () => this.#status(),
        policy: () => Promise.resolve(cloud.policy),
        cloud: () => Promise.resolve(cloud),
        fingerprint: () => Promise.resolve(null),
        history: () => this.#history(),
      } as unknown as PoolWatchOptions['reader'],
    });
  }

  async sites(): Promise<unknown[]> {
    const { cycle, desktops } = await this.watch.desktops();
    return [cycle, ...desktops.map((d) => d.site)];
  }

  async #history(): Promise<[]> {
    this.most = Math.max(this.most, ++this.asking);
    await this.ask();
    this.asking--;
    return [];
  }

  async #status(): Promise<LoopStatus> {
    await this.ask();
    const { cycle } = this;
    const desktops = [{ ...DESKTOP, host: host(this.site) }];
    const known = {
      cycle,
      lastCycleMs: cycle,
      desktops,
      desktopCount: 1,
      moves: [],
      sites: [],
      beginning: false,
    };
    return known as unknown as LoopStatus;
  }
}

it('is as of the cycle that made the page ask, not of the one before', async () => {
  const loop = new Loop();
  expect(await loop.sites()).toEqual([1, 'us-west']);
  Object.assign(loop, { cycle: 2, site: 'us-east' });
  expect(await loop.sites()).toEqual([2, 'us-east']);
});

it('is what was known before while the loop does not answer, or is away', async () => {
  const loop = new Loop(1);
  await loop.sites();
  loop.cycle = 2;
  loop.ask = () => Promise.reject(new Error('away'));
  expect(await loop.sites()).toEqual([1, 'us-west']);
  loop.ask = () => new Promise(() => undefined);
  expect(await loop.sites()).toEqual([1, 'us-west']);
});

it('is the reason where nothing is known yet', async () => {
  const loop = new Loop();
  loop.ask = () => Promise.reject(new Error('away'));
  await expect(loop.sites()).rejects.toThrow('away');
});

it('asks for a few desktops at a time, however many are looked at, and answers all', async () => {
  const loop = new Loop();
  loop.ask = () => new Promise((resolve) => setImmediate(resolve));
  const ids = Array.from({ length: 40 }, (_, n) => DesktopId.parse(`d${String(n)}`));
  const answers = await Promise.all(ids.map((id) => loop.watch.desktop(id, 200)));
  expect(answers).toHaveLength(ids.length);
  expect([loop.most > 1, loop.most <= 4]).toEqual([true, true]);
});

it('sends away whoever asks for one more while a hundred desktops are waited for', async () => {
  const loop = new Loop();
  loop.ask = () => new Promise(() => undefined);
  const look = (n: number) => loop.watch.desktop(DesktopId.parse(`d${String(n)}`), 20);
  for (let n = 0; n < 100; n++) void look(n);
  await expect(look(100)).rejects.toThrow('too many desktops are looked at at once');
});

it('is one and the same answer as long as nothing is new', async () => {
  const loop = new Loop();
  expect(await loop.watch.desktops()).toBe(await loop.watch.desktops());
  expect(await loop.watch.plan()).toBe(await loop.watch.plan());
});
