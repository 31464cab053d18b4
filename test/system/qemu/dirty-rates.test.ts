// Memory and disk of real guests that rewrite them at known rates. Needs root, QEMU and the lab's images.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DirtyRates } from '../../../domain/migration/dirty-rates.js';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { TAP, TwoHosts, copyDisk, smallDesktop } from './two-hosts.js';

/** 4,000 kB/s of memory, 1,000 kB/s of disk. */
const busy = smallDesktop('busy', { 'vms.disk': '1000:16', 'vms.dirty': '4000:32' });
const MEMORY_MBPS = 32;
const DISK_MBPS = 8;
let world: TwoHosts;

beforeAll(async () => {
  world = await TwoHosts.make();
  await world.a.driver.create(busy, TAP, smallGuest().disk);
});
afterAll(() => world.remove());

/** What a report says that comes some seconds after the one before. */
async function measured({ id }: DesktopDefinition): Promise<DirtyRates> {
  await world.a.driver.dirtyRates(id);
  await sleep(4_000);
  return world.a.driver.dirtyRates(id);
}

const near = (rate: number | null, real: number, factor: number) =>
  rate !== null && rate > real / 2.5 && rate < real * factor;

/**
 * Expect a measurement that is `right`. A second's sample of an emulated guest falls on a stall of a busy machine now and then, so one of
 * four must be.
 */
async function expectMeasured(
  right: (rates: DirtyRates) => boolean,
  desktop: DesktopDefinition,
): Promise<void> {
  const seen: DirtyRates[] = [];
  while (seen.length < 4 && !seen.some(right)) seen.push(await measured(desktop));
  // Where none is, the message shows them all.
  expect(seen).toContainEqual(seen.find(right));
}

const isBusy = ({ memoryMbps, diskMbps }: DirtyRates) =>
  near(memoryMbps, MEMORY_MBPS, 5) && near(diskMbps, DISK_MBPS, 2.5);
const isAtRest = ({ memoryMbps, diskMbps }: DirtyRates) =>
  memoryMbps !== null && memoryMbps < 8 && diskMbps !== null && diskMbps < 1;

describe('the dirty rates of a desktop', () => {
  it('are unknown while it does not run', async () => {
    expect(await world.a.driver.dirtyRates(busy.id)).toEqual({ memoryMbps: null, diskMbps: null });
  });

  it('are unknown in the first report, then those of memory and of disk, each by itself', async () => {
    await world.a.driver.start(busy.id);
    await world.guest(world.a);
    expect(await world.a.driver.dirtyRates(busy.id)).toEqual({ memoryMbps: null, diskMbps: null });
    // The guest makes up for what it could not write while it booted.
    await sleep(6_000);
    await expectMeasured(isBusy, busy);
  });

  it('go on after a restart of the worker: what it had begun to measure in the memory is there', async () => {
    await sleep(1_500);
    await world.a.kill();
    world.a.start();
    const first = await world.a.driver.dirtyRates(busy.id);
    expect(first.memoryMbps).toBeGreaterThan(0);
    expect(first.diskMbps).toBeNull();
  });

  it('are measured while its disk is copied, whose own traffic is not the guest’s', async () => {
    const move = { desktop: busy.id, moveId: 'm1' };
    await copyDisk(world.a, world.b, move, busy);
    await expectMeasured(isBusy, busy);
    await world.a.driver.cancelDiskCopy(move);
    await world.b.driver.discardTarget(move);
  });

  it('are near nothing for a guest at rest', async () => {
    await world.a.driver.stop(busy.id, 0);
    await world.a.driver.remove(busy.id);
    const idle = smallDesktop('idle');
    await world.a.driver.create(idle, TAP, smallGuest().disk);
    await world.a.driver.start(idle.id);
    await world.guest(world.a);
    await expectMeasured(isAtRest, idle);
  });
});
