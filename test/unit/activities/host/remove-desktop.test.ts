import { jest } from '@jest/globals';
import { creationActivities } from '../../../../activities/host/creation.js';
import { desktopActivities } from '../../../../activities/host/desktops.js';
import { release } from '../../../../domain/migration/ownership.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const capacity = { slots: 1, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const definition = fakeDesktop('d1');
const { id } = definition;
let cloud: FakeCloud;
let host: FakeHost;
let activities: ReturnType<typeof desktopActivities>;

beforeEach(async () => {
  cloud = new FakeCloud();
  host = await cloud.add(west, capacity, '198.51.100.10');
  activities = desktopActivities(host.context);
  await host.give(definition);
});
afterEach(() => cloud.remove());

const remove = () => activities.removeDesktop({ desktop: id });
const create = () =>
  creationActivities(host.context, () =>
    Object.assign(async () => undefined, { signal: new AbortController().signal }),
  ).createDesktop({ definition, image: null, clients: [], start: true });

describe('removeDesktop', () => {
  it('removes a stopped desktop with disk, tap and addresses, as often as it is asked, and frees its room', async () => {
    await host.context.hypervisor.stop(id, 0);
    for (let i = 0; i < 2; i++) await remove();
    expect(await host.context.hypervisor.get(id)).toBeNull();
    expect(host.network.size).toBe(0);
    expect(await host.leftovers()).toEqual([]);
    expect(await host.context.ownership.get(id)).toMatchObject({ state: 'removed', epoch: 2 });
    expect(await create()).toEqual({ external: '198.51.100.10' });
    expect(await host.context.ownership.get(id)).toMatchObject({ state: 'owner', epoch: 3 });
  });

  it('touches nothing of a desktop that runs', async () => {
    await expect(remove()).rejects.toMatchObject({ code: 'DESKTOP_RUNNING' });
    expect(cloud.runningAt(id)).toEqual(['us-west/h1']);
    expect(await host.context.network.externalOf(id)).toBe('198.51.100.10');
    expect(await host.context.ownership.get(id)).toMatchObject({ state: 'owner', epoch: 1 });
  });

  it('goes on where an attempt was cut off', async () => {
    await host.context.hypervisor.stop(id, 0);
    jest.spyOn(host.context.network, 'detach').mockRejectedValueOnce(new Error('dom0 was killed'));
    await expect(remove()).rejects.toThrow('dom0 was killed');
    await remove();
    expect(host.network.size).toBe(0);
    expect(await host.context.ownership.get(id)).toMatchObject({ state: 'removed' });
  });

  it('is refused at a host that released the desktop, and where one of the id is on its way to', async () => {
    await host.context.hypervisor.stop(id, 0);
    await host.context.reservations.put('d1-0123456789ab', {
      moveId: 'd1-0123456789ab',
      definition,
      from: east,
      epoch: 2,
      atMs: 0,
      diskUsedBytes: 0,
      oldExternal: null,
    });
    await expect(remove()).rejects.toMatchObject({ code: 'MOVE_IN_PROGRESS' });
    await host.context.reservations.remove('d1-0123456789ab');
    await host.context.ownership.change(id, (r) => release(r, id, 2, east, 0));
    await expect(remove()).rejects.toMatchObject({ code: 'NOT_OWNER' });
    expect(host.desktops.has(id)).toBe(true);
  });
});
