// What ports/hypervisor.ts promises, as claims about any driver: the fake that workflows are tested with passes them, and so does every
// real one. A world of two hosts is shared by all claims, and each leaves the desktop running where the next one expects it.
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { HostCpu } from '../../domain/model/cpu.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import type { Hypervisor, MoveKey } from '../../ports/hypervisor.js';
import { bringDisk, bringMemory, moveDesktop, NEVER, type MoveEnds } from './move-steps.js';

export type Side = 'source' | 'target';

/** Two hosts of one driver, with nothing on them; the desktop of their moves has a TPM and an agent. */
export interface HypervisorWorld extends MoveEnds {
  /** Who the target is. */
  readonly to: HostRef;
  /** What the desktop's disk is made from; null: empty. */
  readonly image: string | null;
  /** How many blocks the guest has written; waits for one that boots, throws where it does not run. */
  writes(side: Side): Promise<number>;
  /** Tell whether every block that the guest has ever written is there. */
  intact(side: Side): Promise<boolean>;
  /** Let another worker take over the host: the one before ends as in a crash. */
  restart(side: Side): Promise<void>;
  /** End the processes of the desktop's copies at this host, as a crash would. */
  crash(side: Side): Promise<void>;
  /** End the process of the TPM of the desktop's copies at this host, as a crash would. */
  loseTpm(side: Side): Promise<void>;
  /** Everything that the driver keeps at this host, in words: files, processes. */
  kept(side: Side): Promise<string[]>;
  remove(): Promise<void>;
}

/** A guest that is to write does so within a second, on a busy machine within some. */
const TRIES = 500;
const TEST_MS = 90_000;
/** An emulated guest takes its time between two clocks. */
const CLOCK_ERROR_MS = 5_000;
const PAUSE_BUDGET_MS = 2_000;
/** The guest writes on while one looks: some of its blocks may be on their way to the target. */
const UNDER_WAY_BYTES = 16 * 4_096;

/** Claim of a driver what the port promises; `make` gives a fresh world. */
export function describeHypervisor(name: string, make: () => Promise<HypervisorWorld>): void {
  let world: HypervisorWorld;
  let source: Hypervisor;
  let target: Hypervisor;
  let definition: DesktopDefinition;
  let from: HostRef;
  let id: DesktopId;
  let moves = 0;
  let begun: MoveKey[] = [];
  const newMove = (): MoveKey => {
    const move = { desktop: id, moveId: `move-${String(++moves)}` };
    begun.push(move);
    return move;
  };

  const claim = (title: string, test: () => Promise<void>) => it(title, test, TEST_MS);
  const refused = async (call: Promise<unknown>, code: string, details: object = {}) =>
    expect(call).rejects.toMatchObject({ code, details });

  /** The guest must write on. */
  async function expectGuestGoesOn(side: Side): Promise<void> {
    const before = await world.writes(side);
    let now = before;
    for (let i = 0; i < TRIES && now <= before; i++) now = await world.writes(side);
    expect(now).toBeGreaterThan(before);
  }

  /** The guest's agent answers; the first time when the guest has come to start it. */
  async function expectAgent(side: Side): Promise<void> {
    const answered = async <T>(ask: () => Promise<T | null>): Promise<T> => {
      let answer = await ask();
      for (let i = 0; i < TRIES && answer === null; i++) answer = await ask();
      expect(answer).not.toBeNull();
      return answer!;
    };
    const driver = world[side];
    expect(await answered(() => driver.addresses(id))).toContain(definition.network.address);
    expect(await answered(() => driver.setClock(id))).toEqual(expect.any(Number));
    expect(Math.abs(await answered(() => driver.setClock(id)))).toBeLessThan(CLOCK_ERROR_MS);
  }

  /** Undo a move, last step first, each step twice: then the source runs and writes, and the target knows nothing of it. */
  async function giveUp(move: MoveKey): Promise<void> {
    for (const undo of [
      () => source.cancelMemoryCopy(move),
      () => source.cancelDiskCopy(move),
      () => target.discardTarget(move),
    ])
      for (let i = 0; i < 2; i++) await undo();
    expect(await source.get(id)).toMatchObject({ state: 'running' });
    expect(await source.diskProgress(move)).toMatchObject({ state: 'none', error: null });
    expect(await source.memoryProgress(move)).toMatchObject({ state: 'none', error: null });
    expect(await target.list()).toEqual([]);
    expect(await target.get(id)).toBeNull();
    expect(await world.kept('target')).toEqual([]);
    await expectGuestGoesOn('source');
  }

  describe(name, () => {
    beforeAll(async () => {
      world = await make();
      ({ source, target, definition, from } = world);
      ({ id } = definition);
    }, TEST_MS);
    afterAll(() => world.remove(), TEST_MS);

    describe('desktops', () => {
      claim('are unknown before they are made, and nothing is to be undone of their moves', async () => {
        const move = newMove();
        expect(await source.get(id)).toBeNull();
        expect(await source.list()).toEqual([]);
        expect(await source.dirtyRates(id)).toEqual({ memoryMbps: null, diskMbps: null });
        expect([await source.setClock(id), await source.addresses(id)]).toEqual([null, null]);
        await source.remove(id);
        for (const call of [source.start(id), source.stop(id, 0), source.resume(id)])
          await refused(call, 'UNKNOWN_DESKTOP');
        await refused(source.diskProgress(move), 'UNKNOWN_DESKTOP');
        await refused(source.retireSource(move), 'UNKNOWN_DESKTOP');
        await refused(source.hashSnapshot(move, NEVER), 'UNKNOWN_DESKTOP');
        await refused(source.hashRetired(move, NEVER), 'NO_MOVE');
        await refused(source.prepareMemory(move, definition, world.tap, from), 'NO_MOVE');
        await refused(source.confirmComplete(move), 'NO_MOVE');
        await refused(source.activate(move, false), 'NO_MOVE');
        await source.cancelMemoryCopy(move);
        await source.cancelDiskCopy(move);
        await source.cutLink(move);
        await source.discardTarget(move);
        await source.removeRetired(move);
        await source.endCopies(id, ['unknown']);
        expect(await source.moves()).toEqual({ incoming: [], retired: [], outgoing: [] });
      });

      claim('are made once, and another one of the same id is refused', async () => {
        for (let i = 0; i < 2; i++) await source.create(definition, world.tap, world.image);
        const other = { ...definition, memoryMiB: definition.memoryMiB * 2 };
        await refused(source.create(other, world.tap, world.image), 'ALREADY_EXISTS');
        expect(await source.list()).toMatchObject([
          { definition, state: 'stopped', wanted: 'stopped', pid: null },
        ]);
        expect(await source.get(id)).toEqual((await source.list())[0]);
      });

      claim('become another from their next start on, while they do not run', async () => {
        const larger = { ...definition, memoryMiB: definition.memoryMiB * 2 };
        for (let i = 0; i < 2; i++) await source.redefine(larger);
        expect(await source.get(id)).toMatchObject({ definition: larger, state: 'stopped' });
        await refused(source.create(definition, world.tap, world.image), 'ALREADY_EXISTS');
        await source.redefine(definition);
        expect(await source.list()).toMatchObject([{ definition, wanted: 'stopped' }]);
        await refused(source.redefine({ ...definition, id: DesktopId.parse('another') }), 'UNKNOWN_DESKTOP');
      });

      claim('are made with progress up to the whole, or not at all where that is given up', async () => {
        await source.remove(id);
        const leave = new AbortController();
        const given = source.create(
          definition,
          world.tap,
          world.image,
          () => leave.abort(new Error('given up')),
          leave.signal,
        );
        await expect(given).rejects.toThrow(/abort|given up/);
        expect(await source.list()).toEqual([]);
        expect(await world.kept('source')).toEqual([]);
        const seen: [number, number][] = [];
        await source.create(definition, world.tap, world.image, (done, total) => seen.push([done, total]));
        const [done, total] = seen.at(-1)!;
        expect(total).toBeGreaterThan(0);
        expect(done).toBe(total);
        expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0]));
      });

      claim('are made from nothing but the images of their host', async () => {
        const other = { ...definition, id: DesktopId.parse('other') };
        for (const image of ['/etc/passwd', '/proc/self/environ', '../etc/passwd', '/etc/../etc/passwd'])
          await refused(source.create(other, world.tap, image), 'INPUT_INVALID');
        const boot = { kind: 'kernel' as const, kernel: '/etc/passwd', append: '' };
        const disks = [{ sizeMiB: definition.diskMiB, bus: 'sata' as const, image: '/etc/passwd' }];
        for (const more of [{ boot }, { disks }, { cdrom: '/etc/passwd' }])
          await refused(source.create({ ...other, ...more }, world.tap, world.image), 'INPUT_INVALID');
        expect(await source.get(other.id)).toBeNull();
        expect(await source.list()).toHaveLength(1);
      });

      claim('are made on a machine that tells what it has left', async () => {
        const { disk, memory } = await source.resources();
        expect(disk.fileSystem).toMatch(/^\//);
        expect(disk.freeMiB).toBeGreaterThan(0);
        expect(disk.totalMiB).toBeGreaterThanOrEqual(disk.freeMiB);
        expect(memory.availableMiB).toBeGreaterThan(0);
        expect(memory.totalMiB).toBeGreaterThanOrEqual(memory.availableMiB);
      });

      claim('are made on a processor of which is told what a report can carry, or nothing', async () => {
        for (const { cpu } of [await source.info(), await source.info(), await target.info()])
          expect(HostCpu.optional().parse(cpu)).toEqual(cpu);
        expect((await source.get(id))?.quiet).toBeUndefined();
      });

      claim('that do not run can be stopped, but neither resumed nor moved', async () => {
        const move = newMove();
        await source.stop(id, 0);
        expect([await source.setClock(id), await source.addresses(id)]).toEqual([null, null]);
        await refused(source.resume(id), 'DESKTOP_DOWN');
        await refused(source.diskProgress(move), 'DESKTOP_DOWN');
        await refused(source.startMemoryCopy(move, { address: '192.0.2.99', port: 9 }, 1), 'DESKTOP_DOWN');
        await source.cancelMemoryCopy(move);
        await source.cancelDiskCopy(move);
        await source.cutLink(move);
        expect(await source.get(id)).toMatchObject({ state: 'stopped' });
      });

      claim('are started once, and cannot be removed while they run', async () => {
        await source.start(id);
        await expectGuestGoesOn('source');
        const running = await source.get(id);
        expect(running).toMatchObject({ definition, state: 'running', wanted: 'running' });
        await source.start(id);
        await source.resume(id);
        await refused(source.remove(id), 'DESKTOP_RUNNING');
        await refused(source.redefine(definition), 'DESKTOP_RUNNING');
        expect(await source.get(id)).toMatchObject({ state: 'running', pid: running!.pid });
        await expectGuestGoesOn('source');
      });

      claim('have an agent that tells their addresses, and sets their clock to their host’s', () =>
        expectAgent('source'),
      );

      claim('run on without their worker, and are found again by the next one', async () => {
        const { pid } = (await source.get(id))!;
        const before = await world.writes('source');
        await world.restart('source');
        expect(await source.list()).toMatchObject([{ definition, state: 'running', pid }]);
        expect(await world.writes('source')).toBeGreaterThan(before - 1);
        await expectGuestGoesOn('source');
      });

      claim('are seen to have crashed, and start again with the disk as it was', async () => {
        await world.crash('source');
        expect(await source.list()).toMatchObject([
          { definition, state: 'crashed', wanted: 'running', pid: null },
        ]);
        await refused(source.resume(id), 'DESKTOP_DOWN');
        await source.start(id);
        await expectGuestGoesOn('source');
        expect(await world.intact('source')).toBe(true);
      });
    });

    describe('a move that is given up', () => {
      // A claim that does not hold must not take the next ones with it.
      afterEach(async () => {
        for (const move of begun)
          for (const undo of [
            source.cancelMemoryCopy(move),
            source.cancelDiskCopy(move),
            target.discardTarget(move),
          ])
            await undo.catch(() => undefined);
        begun = [];
      }, TEST_MS);

      claim('can be given up before it has begun, and cannot be switched over', async () => {
        const move = newMove();
        await giveUp(move);
        await refused(source.makeSynchronous(move, NEVER), 'DISK_COPY');
        await refused(
          source.switchover(move, PAUSE_BUDGET_MS, () => undefined, NEVER),
          'MEMORY_COPY',
        );
        await giveUp(move);
      });

      claim('has one replica, wherever it is asked for, which cannot be run', async () => {
        const move = newMove();
        const disk = await target.prepareDisk(move, definition, from);
        expect(await target.prepareDisk(move, definition, from)).toEqual(disk);
        expect(await target.get(id)).toMatchObject({ definition, state: 'incoming' });
        await refused(target.prepareDisk(move, { ...definition, vcpus: 2 }, from), 'INPUT_INVALID');
        const boot = { kind: 'kernel' as const, kernel: '/etc/passwd', append: '' };
        for (const more of [{ boot }, { cdrom: '/etc/passwd' }])
          await refused(target.prepareDisk(newMove(), { ...definition, ...more }, from), 'INPUT_INVALID');
        await refused(source.prepareDisk(move, definition, from), 'ALREADY_THERE');
        await refused(target.confirmComplete(move), 'MEMORY_COPY');
        await refused(target.activate(move, false), 'MEMORY_COPY', { ran: false });
        await giveUp(move);
      });

      claim('tells how much of the disk is done, never less than before, and stays in sync', async () => {
        const move = newMove();
        const disk = await target.prepareDisk(move, definition, from);
        expect(await source.diskProgress(move)).toMatchObject({ state: 'none' });
        await source.startDiskCopy(move, disk, world.mbps / 4);
        await refused(source.startDiskCopy(newMove(), disk, world.mbps), 'MOVE_IN_PROGRESS');
        await source.startDiskCopy(move, disk, world.mbps);
        let progress = await source.diskProgress(move);
        let onTheWire = 0;
        for (let done = 0; progress.state === 'copying'; progress = await source.diskProgress(move)) {
          expect(progress.doneBytes).toBeGreaterThanOrEqual(done);
          expect(progress.doneBytes).toBeLessThanOrEqual(progress.totalBytes);
          expect(progress.wireBytes ?? 0).toBeGreaterThanOrEqual(onTheWire);
          onTheWire = progress.wireBytes ?? 0;
          done = progress.doneBytes;
        }
        expect(progress).toMatchObject({ state: 'ready', error: null });
        await expect(source.makeSynchronous(move, AbortSignal.abort())).rejects.toThrow();
        await source.makeSynchronous(move, NEVER);
        await source.makeSynchronous(move, NEVER);
        await expectGuestGoesOn('source');
        progress = await source.diskProgress(move);
        expect(progress).toMatchObject({ state: 'synchronous', error: null });
        expect(progress.totalBytes - progress.doneBytes).toBeLessThanOrEqual(UNDER_WAY_BYTES);
        await giveUp(move);
      });

      claim(
        'is refused where the target expects another host, and taken from the right one then',
        async () => {
          const move = newMove();
          const other = HostRef.parse({ site: from.site, host: `${from.host}x` });
          await refused(
            source.startDiskCopy(move, await target.prepareDisk(move, definition, other), world.mbps),
            'DISK_COPY',
          );
          await giveUp(move);
          const again = newMove();
          await bringDisk(world, again);
          const endpoint = await target.prepareMemory(again, definition, world.tap, other);
          await source.startMemoryCopy(again, endpoint, world.mbps);
          let progress = await source.memoryProgress(again);
          while (['setup', 'active'].includes(progress.state)) progress = await source.memoryProgress(again);
          expect(progress.state).toBe('failed');
          await source.cancelMemoryCopy(again);
          await bringMemory(world, again);
          await giveUp(again);
        },
      );

      claim('is over at the source where its target is not there', async () => {
        const move = newMove();
        const disk = await target.prepareDisk(move, definition, from);
        await target.discardTarget(move);
        await refused(source.startDiskCopy(move, disk, world.mbps), 'HOST_UNREACHABLE');
        await giveUp(move);
      });

      claim('tells how far its rounds of memory are, and keeps the disk in sync when they end', async () => {
        const move = newMove();
        await bringDisk(world, move);
        const endpoint = await bringMemory(world, move);
        await source.startMemoryCopy(move, endpoint, world.mbps);
        await refused(source.startMemoryCopy(newMove(), endpoint, world.mbps), 'MOVE_IN_PROGRESS');
        let before = await source.memoryProgress(move);
        for (let i = 0; i < 5; i++) {
          const now = await source.memoryProgress(move);
          expect(now).toMatchObject({ state: 'active', totalBytes: before.totalBytes, error: null });
          expect(now.round).toBeGreaterThanOrEqual(before.round);
          expect(now.wireBytes ?? 0).toBeGreaterThanOrEqual(before.wireBytes ?? 0);
          expect(now.remainingBytes).toBeLessThanOrEqual(now.totalBytes);
          expect(now.bytesPerSecond).toBeGreaterThan(0);
          before = now;
        }
        expect(await target.get(id)).toMatchObject({ state: 'incoming' });
        await refused(target.confirmComplete(move), 'MEMORY_COPY');
        await refused(target.activate(move, false), 'MEMORY_COPY', { ran: false });
        await source.cancelMemoryCopy(move);
        expect(await source.memoryProgress(move)).toMatchObject({ state: 'none' });
        expect(await source.diskProgress(move)).toMatchObject({ state: 'synchronous' });
        await expectGuestGoesOn('source');
        await giveUp(move);
      });

      claim(
        'tells that its target is gone, and takes another copy there without the disk again',
        async () => {
          const move = newMove();
          await bringDisk(world, move);
          await bringMemory(world, move);
          await world.crash('target');
          let progress = await source.memoryProgress(move);
          while (progress.state === 'active') progress = await source.memoryProgress(move);
          expect(progress.state).toBe('failed');
          expect(progress.error).not.toBeNull();
          await refused(target.confirmComplete(move), 'MEMORY_COPY');
          await source.cancelMemoryCopy(move);
          expect(await source.diskProgress(move)).toMatchObject({ state: 'synchronous' });
          await bringMemory(world, move);
          expect(await source.memoryProgress(move)).toMatchObject({ state: 'active' });
          await giveUp(move);
        },
      );

      claim(
        'is not switched over where the rest fits no pause that is allowed: the copy goes on',
        async () => {
          const move = newMove();
          await bringDisk(world, move);
          await bringMemory(world, move);
          let stops = 0;
          await refused(
            source.switchover(move, 0, () => stops++, NEVER),
            'CONVERGENCE',
            { pauseBudgetMs: 0 },
          );
          expect(stops).toBe(0);
          expect(await source.get(id)).toMatchObject({ state: 'running' });
          expect(await source.memoryProgress(move)).toMatchObject({ state: 'active' });
          await giveUp(move);
        },
      );

      claim(
        'ends with a TPM that dies: the target’s is replaced, the source’s with a stop and a start',
        async () => {
          const move = newMove();
          await bringDisk(world, move);
          await bringMemory(world, move);
          await world.loseTpm('target');
          const taken = source
            .switchover(move, PAUSE_BUDGET_MS, () => undefined, NEVER)
            .then(() => target.confirmComplete(move));
          await refused(taken, 'MEMORY_COPY');
          await giveUp(move);
          const again = newMove();
          await bringDisk(world, again);
          await bringMemory(world, again);
          expect(await source.get(id)).not.toHaveProperty('tpmLost');
          await world.loseTpm('source');
          expect(await source.get(id)).toMatchObject({ state: 'running', tpmLost: true });
          let stops = 0;
          await refused(
            source.switchover(again, PAUSE_BUDGET_MS, () => stops++, NEVER),
            'MEMORY_COPY',
          );
          expect(stops).toBe(0);
          await source.cancelMemoryCopy(again);
          const endpoint = await target.prepareMemory(again, definition, world.tap, from);
          await refused(source.startMemoryCopy(again, endpoint, world.mbps), 'MEMORY_COPY');
          await giveUp(again);
          await source.stop(id, 0);
          await source.start(id);
          await expectGuestGoesOn('source');
          expect(await source.get(id)).not.toHaveProperty('tpmLost');
        },
      );

      claim(
        'is aborted before the pause without a pause, and in it with the source running or all brought over',
        async () => {
          const move = newMove();
          await bringDisk(world, move);
          await bringMemory(world, move);
          let stops = 0;
          await expect(
            source.switchover(move, PAUSE_BUDGET_MS, () => stops++, AbortSignal.abort()),
          ).rejects.toThrow();
          expect(stops).toBe(0);
          expect(await source.memoryProgress(move)).toMatchObject({ state: 'active' });
          const abort = new AbortController();
          const state = await source
            .switchover(move, PAUSE_BUDGET_MS, () => abort.abort(new Error('given up')), abort.signal)
            .then(
              () => 'postmigrate',
              () => 'running',
            );
          expect(await source.get(id)).toMatchObject({ state });
          await giveUp(move);
        },
      );

      claim(
        'is seen at both hosts by whoever does not know it, and ended at its source by the name it has there',
        async () => {
          const move = newMove();
          await bringDisk(world, move);
          const [disk] = (await source.moves()).outgoing;
          expect(disk).toMatchObject({ desktop: id, copies: [expect.stringMatching(/^[a-z0-9-]+$/)] });
          await bringMemory(world, move);
          expect((await source.moves(id)).outgoing).toEqual([disk]);
          expect(await target.moves(id)).toEqual({ incoming: [move], retired: [], outgoing: [] });
          await world.restart('source');
          await source.endCopies(id, ['unknown']);
          expect(await source.moves()).toEqual({ incoming: [], retired: [], outgoing: [disk] });
          await source.switchover(move, PAUSE_BUDGET_MS, () => undefined, NEVER);
          expect(await source.get(id)).toMatchObject({ state: 'postmigrate' });
          expect((await source.moves()).outgoing).toEqual([disk]);
          for (let i = 0; i < 2; i++) await source.endCopies(id, disk!.copies);
          expect(await source.moves()).toEqual({ incoming: [], retired: [], outgoing: [] });
          await expectGuestGoesOn('source');
          await giveUp(move);
          expect((await target.moves()).incoming).toEqual([]);
        },
      );

      claim('resumes its source also when all was brought over and nothing is committed', async () => {
        const move = newMove();
        await bringDisk(world, move);
        const endpoint = await bringMemory(world, move);
        const stops: number[] = [];
        const result = await source.switchover(move, PAUSE_BUDGET_MS, (atMs) => stops.push(atMs), NEVER);
        expect(stops).toHaveLength(1);
        expect(result.stoppedAtMs).toBeCloseTo(stops[0]!, -1);
        expect(result.wireBytes.memory).toBeGreaterThan(0);
        expect(result.wireBytes.disk).toBeGreaterThan(0);
        expect(await source.get(id)).toMatchObject({ state: 'postmigrate' });
        await refused(source.startMemoryCopy(move, endpoint, world.mbps), 'MEMORY_COPY');
        // An attempt that was told nothing asks again.
        const again = await source.switchover(move, PAUSE_BUDGET_MS, (atMs) => stops.push(atMs), NEVER);
        expect(again.wireBytes).toEqual(result.wireBytes);
        expect(stops).toHaveLength(1);
        for (let i = 0; i < 2; i++) await target.confirmComplete(move);
        expect(await target.get(id)).toMatchObject({ state: 'paused' });
        await world.crash('target');
        await refused(target.activate(move, true), 'MEMORY_COPY', { ran: false });
        await giveUp(move);
        expect(await world.intact('source')).toBe(true);
      });
    });

    describe('a move', () => {
      const there: MoveKey = { desktop: '' as DesktopId, moveId: 'move-there' };
      beforeAll(() => Object.assign(there, { desktop: id }));

      claim(
        'ends with the desktop running at the target alone, whatever is asked of the target again',
        async () => {
          const before = await world.writes('source');
          const { result } = await moveDesktop(world, there);
          expect(result.downtimeMs).toBeGreaterThanOrEqual(0);
          await source.retireSource(there);
          expect(await source.list()).toEqual([]);
          expect(await source.moves()).toEqual({ incoming: [], retired: [there], outgoing: [] });
          expect(await target.moves()).toEqual({ incoming: [], retired: [], outgoing: [] });
          expect(await source.get(id)).toBeNull();
          await target.activate(there, true);
          await target.discardTarget({ ...there, moveId: 'move-unknown' });
          await refused(target.confirmComplete(there), 'TOO_LATE');
          await refused(target.prepareDisk(there, definition, from), 'TOO_LATE');
          await refused(target.prepareMemory(there, definition, world.tap, from), 'TOO_LATE');
          await refused(target.retireSource(there), 'INPUT_INVALID');
          expect(await target.list()).toMatchObject([{ definition, state: 'running' }]);
          expect(await world.writes('target')).toBeGreaterThanOrEqual(before);
          await expectGuestGoesOn('target');
          await expectAgent('target');
        },
      );

      claim(
        'brought the disk as it was at the switchover, although the guest has written since',
        async () => {
          await expect(target.hashSnapshot(there, AbortSignal.abort())).rejects.toThrow();
          await expect(source.hashRetired(there, AbortSignal.abort())).rejects.toThrow();
          const hash = await target.hashSnapshot(there, NEVER);
          expect(hash).toMatch(/^[0-9a-f]{64}$/);
          expect(await source.hashRetired(there, NEVER)).toBe(hash);
          expect(await target.hashSnapshot(there, NEVER)).toBe(hash);
          await refused(target.hashSnapshot(newMove(), NEVER), 'DISK_COPY');
          await refused(source.hashRetired(newMove(), NEVER), 'NO_MOVE');
        },
      );

      claim('is never undone by a target that is to drop it once it was activated', async () => {
        await target.discardTarget(there);
        expect(await target.get(id)).toMatchObject({ state: 'running' });
        await expectGuestGoesOn('target');
      });

      claim('is forgotten at the source when the disk that was set aside is removed', async () => {
        for (let i = 0; i < 2; i++) await source.removeRetired(there);
        await refused(source.hashRetired(there, NEVER), 'NO_MOVE');
        await refused(source.retireSource(there), 'UNKNOWN_DESKTOP');
        expect(await world.kept('source')).toEqual([]);
      });

      claim('can be followed by one back, also when nobody has looked at the disk as it came', async () => {
        const ends = { ...world, source: target, target: source, from: world.to };
        const back: MoveKey = { desktop: id, moveId: 'move-back' };
        await moveDesktop(ends, back);
        const again: MoveKey = { desktop: id, moveId: 'move-again' };
        await bringDisk(world, again);
        await refused(source.hashSnapshot(back, NEVER), 'DISK_COPY');
        await target.removeRetired(back);
        await giveUp(again);
        expect(await world.intact('source')).toBe(true);
      });
    });

    describe('a desktop that is no longer wanted', () => {
      claim('is stopped and removed, each as often as one asks, and leaves nothing', async () => {
        for (let i = 0; i < 2; i++) await source.stop(id, i === 0 ? 100 : 0);
        expect(await source.list()).toMatchObject([{ state: 'stopped', pid: null }]);
        for (let i = 0; i < 2; i++) await source.remove(id);
        expect(await source.get(id)).toBeNull();
        expect(await source.list()).toEqual([]);
        expect(await world.kept('source')).toEqual([]);
        await refused(source.start(id), 'UNKNOWN_DESKTOP');
      });
    });
  });
}
