// What dom0 starts by itself and what never, over a fake host whose machine loses its power.
import { jest } from '@jest/globals';
import { desktopActivities } from '../../../../activities/host/desktops.js';
import type { HostContext } from '../../../../activities/host/host-context.js';
import { PowerKeeper } from '../../../../activities/host/power-keeper.js';
import { PowerMemory } from '../../../../activities/host/power-memory.js';
import { sourceActivities } from '../../../../activities/host/source.js';
import { RestartStore } from '../../../../activities/stores/restart-store.js';
import { accept, release } from '../../../../domain/migration/ownership.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';
import { MAX_RESTARTS } from '../../../../domain/model/restarts.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const id = (name: string) => DesktopId.parse(name);
let cloud: FakeCloud;
let fake: FakeHost;
let nowMs: number;
let ctx: HostContext;
let keeper: PowerKeeper;

beforeEach(async () => {
  cloud = new FakeCloud();
  fake = await cloud.add(west, { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 }, '198.51.100.10');
  nowMs = 1_700_000_000_000;
  restartDom0();
  for (const name of ['d1', 'd2', 'd3']) await fake.give(fakeDesktop(name));
});
afterEach(() => cloud.remove());

function restartDom0(): void {
  const power = new PowerMemory(new RestartStore(`${fake.dir}/restarts`), fake.context.logger);
  ctx = { ...fake.context, power, now: () => nowMs };
  keeper = new PowerKeeper(ctx);
}
const states = () =>
  Object.fromEntries([...fake.desktops].map(([name, { state }]) => [name, state as string]));
const power = (desktop: string, action: 'start' | 'stop') =>
  desktopActivities(ctx).desktopPower({ desktop: id(desktop), action });
const problemOf = async (desktop: string) =>
  (await desktopActivities(ctx).reportHost({ traffic: false })).desktops.find(
    (d) => d.definition.id === desktop,
  )?.problem;

describe('after a power cut', () => {
  it('those that should run are started, with their taps and rules, and the others are not', async () => {
    await power('d2', 'stop');
    fake.machine.shutDown('d3');
    await keeper.look();
    fake.machine.powerCut();
    for (const record of fake.network.values()) record.active = false;
    restartDom0();
    await keeper.look();
    expect(states()).toEqual({ d1: 'running', d2: 'stopped', d3: 'stopped' });
    expect(fake.network.get('d1')).toMatchObject({ active: true });
    expect(await problemOf('d1')).toBeNull();
  });

  it('what this host has released, refused or never owned stays down', async () => {
    await ctx.ownership.change(id('d1'), (r) => release(r, id('d1'), 2, east, 0));
    await ctx.ownership.put(id('d2'), { desktop: id('d2'), epoch: 3, state: 'refused', peer: east, atMs: 0 });
    await ctx.ownership.remove(id('d3'));
    fake.machine.powerCut();
    await keeper.look();
    expect(states()).toEqual({ d1: 'crashed', d2: 'crashed', d3: 'crashed' });
  });

  it('a copy that came in and never ran is left to the switchover, although it is owned', async () => {
    const definition = fakeDesktop('d9');
    await ctx.hypervisor.prepareDisk({ desktop: definition.id, moveId: 'd9-m' }, definition, east);
    await ctx.ownership.change(definition.id, (r) => accept(r, definition.id, 2, east, 0));
    fake.machine.powerCut();
    await keeper.look();
    expect(fake.desktops.has('d9')).toBe(false);
    expect((await ctx.hypervisor.get(definition.id))?.state).toBe('incoming');
  });

  it('they start as memory allows, and those that wait say so', async () => {
    fake.machine.powerCut();
    fake.machine.resources = { ...fake.machine.resources, memory: { availableMiB: 130, totalMiB: 200 } };
    await keeper.look();
    const running = Object.values(states()).filter((s) => s === 'running');
    expect(running).toHaveLength(2);
    expect(await problemOf('d3')).toMatch(/64 MiB of memory wanted, 2 MiB really left/);
    fake.machine.resources = { ...fake.machine.resources, memory: { availableMiB: 300, totalMiB: 400 } };
    await keeper.look();
    expect(states()).toMatchObject({ d3: 'running' });
    expect(await problemOf('d3')).toBeNull();
  });

  it('are started by two at a time', async () => {
    fake.machine.powerCut();
    let now = 0;
    let most = 0;
    let begun = 0;
    const start = ctx.hypervisor.start.bind(ctx.hypervisor);
    const hypervisor = Object.assign(Object.create(ctx.hypervisor) as HostContext['hypervisor'], {
      start: async (desktop: DesktopId) => {
        most = Math.max(most, ++now);
        begun++;
        // The first one waits for the second, which must come.
        while (begun < 2) await new Promise((resolve) => setImmediate(resolve));
        await start(desktop);
        now--;
      },
    });
    await new PowerKeeper({ ...ctx, hypervisor }).look();
    expect(most).toBe(2);
    expect(Object.values(states())).toEqual(['running', 'running', 'running']);
  });

  it('one that loses its owner while it is about to start is not started', async () => {
    fake.machine.powerCut();
    const activate = ctx.network.activate.bind(ctx.network);
    const network = Object.assign(Object.create(ctx.network) as HostContext['network'], {
      activate: async (definition: ReturnType<typeof fakeDesktop>) => {
        await activate(definition);
        if (definition.id === 'd1')
          await ctx.ownership.change(id('d1'), (r) => release(r, id('d1'), 2, east, 0));
      },
    });
    await new PowerKeeper({ ...ctx, network }).look();
    expect(states()).toEqual({ d1: 'crashed', d2: 'running', d3: 'running' });
  });

  it('what a move holds is left alone until that has ended', async () => {
    fake.machine.powerCut();
    await ctx.locks.run(id('d1'), 'a move', () => keeper.look());
    expect(states()).toEqual({ d1: 'crashed', d2: 'running', d3: 'running' });
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'running' });
  });
});

describe('a desktop that crashes again and again', () => {
  const crashAndLook = async () => {
    fake.machine.crash('d1');
    await keeper.look();
  };

  it('is started ever later, then no more, also by a restarted dom0, until an operator starts it', async () => {
    await crashAndLook();
    expect(states()).toMatchObject({ d1: 'running' });
    await crashAndLook();
    expect(states()).toMatchObject({ d1: 'crashed' });
    expect(await problemOf('d1')).toMatch(/crashed after 1 of 5 restarts; started again at 20/);
    for (let n = 1; n < MAX_RESTARTS; n++) {
      nowMs += 10_000 * 2 ** (n - 1);
      restartDom0();
      await keeper.look();
      expect(states()).toMatchObject({ d1: 'running' });
      await crashAndLook();
      expect(states()).toMatchObject({ d1: 'crashed' });
    }
    nowMs += 100 * 3_600_000;
    restartDom0();
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'crashed', d2: 'running' });
    expect(await problemOf('d1')).toMatch(/not started any more.*vmshadow desktop start d1/);
    await power('d1', 'start');
    expect(states()).toMatchObject({ d1: 'running' });
    expect(await problemOf('d1')).toBeNull();
    await crashAndLook();
    expect(states()).toMatchObject({ d1: 'running' });
  });

  it('counts a start that fails, says why, and does not hold the others up', async () => {
    fake.machine.crash('d1');
    fake.machine.crash('d2');
    const start = ctx.hypervisor.start.bind(ctx.hypervisor);
    const hypervisor = Object.assign(Object.create(ctx.hypervisor) as HostContext['hypervisor'], {
      start: (desktop: DesktopId) =>
        desktop === 'd1' ? Promise.reject(new Error('no such kernel')) : start(desktop),
    });
    keeper = new PowerKeeper({ ...ctx, hypervisor });
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'crashed', d2: 'running' });
    expect(await problemOf('d1')).toMatch(/could not be brought back: no such kernel/);
    await keeper.look();
    expect(await problemOf('d1')).toMatch(/after 1 of 5 restarts/);
  });

  it('begins anew when it has run for an hour', async () => {
    await crashAndLook();
    nowMs += 3_600_000;
    await keeper.look();
    expect(await new RestartStore(`${fake.dir}/restarts`).list()).toEqual([]);
  });

  it('is still started where the restarts cannot be written down', async () => {
    const failing = new RestartStore(`${fake.dir}/records\0`);
    ctx = { ...ctx, power: new PowerMemory(failing, ctx.logger) };
    readable(failing);
    keeper = new PowerKeeper(ctx);
    await crashAndLook();
    expect(states()).toMatchObject({ d1: 'running' });
    await crashAndLook();
    expect(states()).toMatchObject({ d1: 'crashed' });
  });
});

/** A disk that can be read and not written. */
function readable(store: RestartStore): void {
  store.get = () => Promise.resolve(null);
}

describe('a guest', () => {
  it('that has shut itself down is ended and stays down', async () => {
    fake.machine.shutDown('d1');
    expect(await ctx.hypervisor.get(id('d1'))).toMatchObject({ state: 'stopped', wanted: 'running' });
    await keeper.look();
    expect(await ctx.hypervisor.get(id('d1'))).toMatchObject({ state: 'stopped', wanted: 'stopped' });
  });

  it('out of space is said with file system and figures, and goes on when there is room', async () => {
    fake.machine.fill('d1');
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'out-of-space' });
    expect(await problemOf('d1')).toMatch(/no space left at \/fake: 0 of 1000000000 MiB free, 16 needed/);
    await expect(power('d1', 'start')).rejects.toMatchObject({
      code: 'OUT_OF_SPACE',
      message: expect.stringMatching(/d1 .*stands still: no space left at \/fake/),
    });
    const checking = sourceActivities(ctx, () => {
      throw new Error('no reporter');
    }).checkSource({ desktop: id('d1'), peer: { host: east, endpoint: { address: '192.0.2.1', port: 1 } } });
    await expect(checking).rejects.toMatchObject({ code: 'OUT_OF_SPACE' });
    const free = (freeMiB: number) =>
      (fake.machine.resources = {
        ...fake.machine.resources,
        disk: { ...fake.machine.resources.disk, freeMiB },
      });
    free(15);
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'out-of-space' });
    const set = jest.spyOn(ctx.hypervisor, 'setClock');
    free(16);
    await keeper.look();
    expect(states()).toMatchObject({ d1: 'running' });
    expect(set.mock.calls).toEqual([['d1']]);
    expect(await problemOf('d1')).toBeNull();
  });

  it('out of space goes on by `start` at once where there is room', async () => {
    fake.machine.fill('d1');
    fake.machine.resources = {
      ...fake.machine.resources,
      disk: { ...fake.machine.resources.disk, freeMiB: 100 },
    };
    await power('d1', 'start');
    expect(states()).toMatchObject({ d1: 'running' });
  });

  it('that is paused is not said to be started', async () => {
    await fake.give(fakeDesktop('d4'));
    Object.assign(fake.desktops.get('d4')!, { state: 'paused' });
    await keeper.look();
    expect(states()).toMatchObject({ d4: 'paused' });
    await expect(power('d4', 'start')).rejects.toMatchObject({ code: 'MOVE_IN_PROGRESS' });
  });
});

it('looks at once when it is started, and no more when it is stopped', async () => {
  fake.machine.powerCut();
  keeper.start();
  while (Object.values(states()).includes('crashed')) await new Promise((resolve) => setTimeout(resolve, 5));
  await keeper.stop();
  fake.machine.crash('d1');
  expect(states()).toMatchObject({ d1: 'crashed' });
});
