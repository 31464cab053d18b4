import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { SwitchoverRequest } from '../../../../activities/host/inputs.js';
import { switchover, type Pulse } from '../../../../activities/switchover/switchover.js';
import { sourceActivities } from '../../../../activities/host/source.js';
import { targetActivities } from '../../../../activities/host/target.js';
import { VmshadowError } from '../../../../domain/errors.js';
import { refuse, release } from '../../../../domain/migration/ownership.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { TargetSide } from '../../../../activities/switchover/target-side.js';
import { OwnershipStore } from '../../../../activities/stores/ownership-store.js';
import { NODE_FILES } from '../../../../os/file-operations.js';
import { errno } from '../../os/model-disk.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const desktop = fakeDesktop('d1');
const pulse: Pulse = Object.assign(() => undefined, { signal: new AbortController().signal });

let cloud: FakeCloud;
let source: FakeHost;
let target: FakeHost;
const request: SwitchoverRequest = {
  desktop: desktop.id,
  moveId: 'd1-test',
  epoch: 2,
  peer: { host: east, endpoint: { address: '192.0.2.1', port: 1 } },
  oldExternal: '198.51.100.10',
  newExternal: '203.0.113.10',
  targetKey: FAKE_KEY,
  pauseBudgetMs: 500,
  snapshot: false,
};

beforeEach(async () => {
  cloud = new FakeCloud();
  source = await cloud.add(west, capacity, '198.51.100.10');
  target = await cloud.add(east, capacity, '203.0.113.10');
  await source.give(desktop);
  const info = await source.context.hypervisor.info();
  const reserve = targetActivities(target.context);
  await reserve.reserveTarget({
    moveId: request.moveId,
    definition: desktop,
    from: west,
    epoch: 2,
    source: info,
  });
  const move = { moveId: request.moveId, definition: desktop, tap: 'tap' };
  const { hypervisor } = source.context;
  await hypervisor.startDiskCopy(request, await reserve.prepareReplica(move), 100);
  await hypervisor.makeSynchronous(request, pulse.signal);
  await hypervisor.startMemoryCopy(request, await reserve.prepareIncoming(move), 100);
});

afterEach(() => cloud.remove());

describe('switchover', () => {
  it('runs the desktop at the target only after `owner` was written there, and forwards afterwards', async () => {
    const done = await switchover(source.context, request, pulse);
    expect(done).toMatchObject({ downtimeMs: 7, heldPackets: 3 });
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
    expect((await source.context.ownership.get(desktop.id))?.state).toBe('released');
    expect(await target.context.ownership.get(desktop.id)).toMatchObject({ state: 'owner', epoch: 2 });
    expect(target.log).toEqual(['confirm d1', 'confirm d1', 'rules d1', 'run d1']);
    expect(source.log).toEqual(['stop d1', 'forward d1']);
  });

  it('has the host that owns the guest set its clock, and waits for no agent', async () => {
    const set = jest
      .spyOn(target.context.hypervisor, 'setClock')
      .mockReturnValue(new Promise(() => undefined));
    const here = jest.spyOn(source.context.hypervisor, 'setClock');
    await switchover(source.context, request, pulse);
    expect(set.mock.calls).toEqual([['d1']]);
    expect(here).not.toHaveBeenCalled();
  });

  it('runs on at the target although its clock cannot be set', async () => {
    jest.spyOn(target.context.hypervisor, 'setClock').mockRejectedValue(new Error('no agent'));
    await switchover(source.context, request, pulse);
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
  });

  it('lets the source run on when the target is not complete', async () => {
    const set = jest.spyOn(source.context.hypervisor, 'setClock');
    target.faults.add('target dies before confirm');
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'MEMORY_COPY' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await source.context.ownership.get(desktop.id)).toMatchObject({ state: 'owner', epoch: 1 });
    expect(source.network.get(desktop.id)?.held).toBe(false);
    expect(source.log).toContain('abort clients');
    expect(set.mock.calls).toEqual([['d1']]);
  });

  it('lets the source run on with a newer epoch when the target refuses after the release', async () => {
    target.faults.add('target dies after confirm');
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await target.context.ownership.get(desktop.id)).toMatchObject({ state: 'refused', epoch: 2 });
    expect(await source.context.ownership.get(desktop.id)).toMatchObject({ state: 'owner', epoch: 3 });
  });

  it('lets the source run on when the copy dies between `owner` and its first instruction', async () => {
    target.faults.add('copy cannot run');
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await target.context.ownership.get(desktop.id)).toMatchObject({ state: 'refused', epoch: 2 });
  });

  it('lets the source run on when the disk of the target fills up at the moment of its word', async () => {
    const { ownership } = target.context;
    const change = ownership.change.bind(ownership);
    jest.spyOn(ownership, 'change').mockImplementationOnce(async (...args) => {
      target.machine.fill('d1');
      return change(...args);
    });
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await ownership.get(desktop.id)).toMatchObject({ state: 'refused', epoch: 2 });
    await targetActivities(target.context).dropTarget(request);
    expect(await target.leftovers()).toEqual([]);
  });

  it('starts the desktop from its disk at a source that lost its power while it waited for a word that is `refused`', async () => {
    await source.context.ownership.change(desktop.id, (r) => release(r, desktop.id, 2, east, 0));
    source.machine.powerCut();
    target.machine.powerCut();
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await source.context.ownership.get(desktop.id)).toMatchObject({ state: 'owner', epoch: 3 });
  });

  it('keeps room for the records of both ends until the move has ended, and gives it back', async () => {
    const kept = async (host: FakeHost) =>
      (await readdir(join(host.dir, 'ownership'))).filter((name) => name.includes('spare')).length;
    const change = jest.spyOn(source.context.ownership, 'change').mockImplementationOnce(async () => {
      expect([await kept(source), await kept(target)]).toEqual([2, 2]);
      throw new Error('no');
    });
    await expect(switchover(source.context, request, pulse)).rejects.toThrow('no');
    change.mockRestore();
    expect(await kept(source)).toBe(0);
    await targetActivities(target.context).dropTarget(request);
    expect(await kept(target)).toBe(0);
  });

  it("does not stop the guest where room for the source's records cannot be kept", async () => {
    const keepRoom = jest.spyOn(source.context.ownership, 'keepRoom').mockImplementation(async () => {
      throw new VmshadowError('RECORD_UNWRITTEN', 'full');
    });
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({
      code: 'RECORD_UNWRITTEN',
    });
    keepRoom.mockRestore();
    expect(source.log).toEqual([]);
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('does not resume a source that has released the desktop, whoever asks', async () => {
    await source.context.ownership.change(desktop.id, (r) => release(r, desktop.id, 2, east, 0));
    const activities = sourceActivities(source.context, () => {
      throw new Error('no reporter');
    });
    await expect(
      activities.cancelMemory({ desktop: desktop.id, moveId: request.moveId }),
    ).rejects.toMatchObject({ code: 'FENCED' });
  });

  it('asks again when the answer to the commit is lost, and never runs two copies', async () => {
    target.faults.add('commit answer is lost');
    await switchover(source.context, request, pulse);
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
    expect(target.log.filter((l) => l === 'run d1')).toHaveLength(1);
  });

  it('stays still while the target cannot be asked, and goes on when it can', async () => {
    await source.context.ownership.change(desktop.id, (r) => release(r, desktop.id, 2, east, 0));
    await source.context.hypervisor.switchover(request, 500, () => undefined, pulse.signal);
    target.alive = false;
    const notes: string[] = [];
    const running = switchover(
      source.context,
      request,
      Object.assign((n: string) => notes.push(n) as unknown as undefined, { signal: pulse.signal }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cloud.runningAt('d1')).toEqual([]);
    target.alive = true;
    await running;
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
    expect(notes.some((n) => n.includes('is down'))).toBe(true);
  });

  it('refuses a command of another epoch before anything is touched', async () => {
    await expect(switchover(source.context, { ...request, epoch: 7 }, pulse)).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect(source.log).toEqual([]);
  });

  it('refuses a peer that the reservation was not made for', async () => {
    const stranger = HostRef.parse({ site: 'us-north', host: 'h9' });
    await expect(target.target.confirm(stranger, request)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(
      target.target.expect(stranger, request, request, { clients: [], flows: null }),
    ).rejects.toMatchObject({ code: 'FENCED' });
  });

  it('writes nothing for a stranger that asks to commit, neither at the owner nor elsewhere', async () => {
    const stranger = HostRef.parse({ site: 'us-north', host: 'h9' });
    const forged = { ...request, epoch: Number.MAX_SAFE_INTEGER };
    for (const host of [source, target]) {
      const before = await host.context.ownership.get(desktop.id);
      await expect(host.target.commit(stranger, forged, { snapshot: false })).rejects.toMatchObject({
        code: 'FENCED',
      });
      await expect(host.target.commit(west, forged, { snapshot: false })).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await host.context.ownership.get(desktop.id)).toEqual(before);
    }
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('lets the second of two attempts wait for the first, and give the same answer', async () => {
    const both = [switchover(source.context, request, pulse), switchover(source.context, request, pulse)];
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
    expect(source.log.filter((l) => l === 'stop d1')).toHaveLength(1);
  });

  it('goes by the record when writing the release fails although it stands', async () => {
    const { ownership } = source.context;
    const write = ownership.change.bind(ownership);
    jest.spyOn(ownership, 'change').mockImplementationOnce(async (id, transition) => {
      await write(id, transition);
      throw new Error('the folder could not be synced');
    });
    await switchover(source.context, request, pulse);
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
    expect(source.log).not.toContain('run d1');
  });

  /** An ownership store whose folder cannot be synced `left` times once the record of d1 says `state`. */
  function failingOwnership(host: FakeHost, state: 'released' | 'owner', failures: { left: number }) {
    const folder = join(host.dir, 'ownership');
    const sync = async (path: string) => {
      const text = path === folder ? await readFile(join(folder, 'd1.json'), 'utf8').catch(() => '') : '';
      if (text.includes(state) && failures.left-- > 0) throw errno('EIO', path);
      await NODE_FILES.sync(path);
    };
    return new OwnershipStore(folder, { files: { ...NODE_FILES, sync } });
  }

  it('asks for no decision while a power cut could take the release back, and then goes on', async () => {
    const failures = { left: 5 };
    const leftWhenAsked: number[] = [];
    const commit = target.target.commit.bind(target.target);
    jest.spyOn(target.target, 'commit').mockImplementation((...asked) => {
      leftWhenAsked.push(failures.left);
      return commit(...asked);
    });
    const ownership = failingOwnership(source, 'released', failures);
    await switchover({ ...source.context, ownership, wait: async () => undefined }, request, pulse);
    expect(leftWhenAsked).toEqual([-1]);
    expect(source.log).not.toContain('run d1');
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
  });

  it('runs nothing at the target while a power cut could take `owner` back, and then goes on', async () => {
    const failures = { left: 5 };
    const ownership = failingOwnership(target, 'owner', failures);
    const side = new TargetSide({ ...target.context, ownership });
    const runningWhenAsked: string[][] = [];
    jest.spyOn(target.target, 'commit').mockImplementation((...asked) => {
      runningWhenAsked.push(cloud.runningAt('d1'));
      return side.commit(...asked);
    });
    await switchover({ ...source.context, wait: async () => undefined }, request, pulse);
    expect(runningWhenAsked.length).toBeGreaterThan(2);
    expect(runningWhenAsked.flat()).toEqual([]);
    expect(failures.left).toBeLessThan(0);
    expect(cloud.runningAt('d1')).toEqual(['us-east/h1']);
  });

  it('stops before the release when its attempt was given up', async () => {
    const givenUp = new AbortController();
    const confirm = jest.spyOn(target.context.hypervisor, 'confirmComplete');
    confirm.mockImplementationOnce(async () => givenUp.abort(new Error('given up')));
    const attempt = switchover(
      source.context,
      request,
      Object.assign(() => undefined, { signal: givenUp.signal }),
    );
    await expect(attempt).rejects.toThrow('given up');
    expect(await source.context.ownership.get(desktop.id)).toMatchObject({ state: 'owner', epoch: 1 });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('refuses before `owner` where the rules cannot be put in force, so that the source runs on', async () => {
    jest.spyOn(target.context.network, 'activate').mockRejectedValue(new Error('no nft here'));
    await expect(switchover(source.context, request, pulse)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('leaves its word behind when a target is dropped whose switchover had begun', async () => {
    await target.target.expect(west, request, request, await source.context.network.exportState(desktop.id));
    await targetActivities(target.context).dropTarget({ moveId: request.moveId, desktop: desktop.id });
    expect(await target.context.ownership.get(desktop.id)).toMatchObject({ state: 'refused', epoch: 2 });
    expect(await target.target.commit(west, request, { snapshot: false })).toMatchObject({
      decision: 'refused',
    });
  });

  it('leaves no record behind when a target is dropped before its switchover', async () => {
    await targetActivities(target.context).dropTarget({ moveId: request.moveId, desktop: desktop.id });
    expect(await target.context.ownership.get(desktop.id)).toBeNull();
    expect(await target.leftovers()).toEqual([]);
  });

  it('does not drop a target that has taken over', async () => {
    await switchover(source.context, request, pulse);
    await expect(
      targetActivities(target.context).dropTarget({ moveId: request.moveId, desktop: desktop.id }),
    ).rejects.toMatchObject({ code: 'TOO_LATE' });
  });
});

describe('reserveTarget', () => {
  it('refuses a desktop whose used disk does not fit the file system, with both numbers, and reserves nothing', async () => {
    target.machine.resources = {
      ...target.machine.resources,
      disk: { fileSystem: '/srv', freeMiB: 5_000, totalMiB: 5_120 },
    };
    const large = { ...fakeDesktop('d2'), diskMiB: 9_000 };
    await expect(
      targetActivities(target.context).reserveTarget({
        moveId: 'd2-move',
        definition: large,
        from: west,
        epoch: 2,
        diskUsedBytes: 8_000 * 2 ** 20,
        source: await source.context.hypervisor.info(),
      }),
    ).rejects.toMatchObject({
      code: 'NO_CAPACITY',
      message: expect.stringMatching(/9000 MiB of disk wanted, 4936 MiB really left at \/srv/),
    });
    expect(await target.context.reservations.get('d2-move')).toBeNull();
    expect(target.network.has('d2')).toBe(false);
  });

  it('refuses a desktop that does not fit beside what is there and what is coming', async () => {
    const info = await source.context.hypervisor.info();
    const big = { ...fakeDesktop('d2'), memoryMiB: 4096 - 63 };
    await expect(
      targetActivities(target.context).reserveTarget({
        moveId: 'm2',
        definition: big,
        from: west,
        epoch: 2,
        source: info,
      }),
    ).rejects.toMatchObject({ code: 'NO_CAPACITY' });
    expect(await target.context.reservations.get('m2')).toBeNull();
  });

  it('takes the first epoch that this host has not spent', async () => {
    await target.context.ownership.change(desktop.id, (r) => refuse(r, desktop.id, 6, west, 0));
    const info = await source.context.hypervisor.info();
    const again = { moveId: 'm7', definition: desktop, from: west, epoch: 2, source: info };
    expect(await targetActivities(target.context).reserveTarget(again)).toMatchObject({ epoch: 7 });
  });

  it('refuses to take a desktop from itself, and one that it owns', async () => {
    const info = await source.context.hypervisor.info();
    const own = { moveId: 'm8', definition: desktop, from: west, epoch: 2, source: info };
    const attach = jest.spyOn(source.context.network, 'attach');
    await expect(targetActivities(source.context).reserveTarget(own)).rejects.toMatchObject({
      code: 'PEER_REFUSED',
      details: { problems: [expect.stringContaining('owns'), expect.stringContaining('itself')] },
    });
    expect(attach).not.toHaveBeenCalled();
  });

  it('lists every incompatibility at once', async () => {
    const source2 = { driver: 'fake', version: '2.0', machines: [], cpuModel: 'host' };
    await expect(
      targetActivities(target.context).reserveTarget({
        moveId: 'm3',
        definition: { ...desktop, machine: 'q35' },
        from: west,
        epoch: 2,
        source: source2,
      }),
    ).rejects.toMatchObject({
      code: 'PEER_REFUSED',
      details: {
        problems: expect.arrayContaining([
          expect.stringContaining('older'),
          expect.stringContaining('q35'),
          expect.stringContaining('CPU'),
        ]),
      },
    });
  });
});
