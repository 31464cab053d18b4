import { desktopActivities } from '../../../../activities/host/desktops.js';
import { release } from '../../../../domain/migration/ownership.js';
import { DesktopDocument } from '../../../../domain/model/desktop-document.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const capacity = { slots: 2, vcpus: 8, memoryMiB: 256, diskMiB: 10_000 };
const definition = fakeDesktop('d1');
const { id } = definition;
let cloud: FakeCloud;
let host: FakeHost;

beforeEach(async () => {
  cloud = new FakeCloud();
  host = await cloud.add(west, capacity, '198.51.100.10');
  await host.give(definition);
  await host.give(fakeDesktop('d2'));
});
afterEach(() => cloud.remove());

const edit = (fields: object) =>
  desktopActivities(host.context).editDesktop({
    desktop: id,
    document: DesktopDocument.parse({ memoryMiB: 64, disks: [{ sizeMiB: 64 }], ...fields }),
  });
const memoryOf = async () => (await host.context.hypervisor.get(id))?.definition.memoryMiB;

describe('editDesktop', () => {
  it('changes a stopped desktop, once however often it is asked', async () => {
    await host.context.hypervisor.stop(id, 0);
    expect(await edit({ memoryMiB: 128 })).toEqual(['memoryMiB: 64 -> 128']);
    expect(await edit({ memoryMiB: 128 })).toEqual([]);
    expect(await memoryOf()).toBe(128);
  });

  it('touches none that runs, and gives no more room than the host has', async () => {
    await expect(edit({ memoryMiB: 128 })).rejects.toMatchObject({ code: 'DESKTOP_RUNNING' });
    await host.context.hypervisor.stop(id, 0);
    await expect(edit({ memoryMiB: 256 })).rejects.toMatchObject({ code: 'NO_CAPACITY' });
    await expect(edit({ vcpus: 8 })).rejects.toMatchObject({ code: 'NO_CAPACITY' });
    expect(await memoryOf()).toBe(64);
    expect(await edit({ memoryMiB: 192 })).toHaveLength(1);
  });

  it('is refused where the desktop belongs to another host', async () => {
    await host.context.hypervisor.stop(id, 0);
    await host.context.ownership.change(id, (record) => release(record, id, 2, east, 0));
    await expect(edit({ memoryMiB: 128 })).rejects.toMatchObject({ code: 'NOT_OWNER' });
    expect(await memoryOf()).toBe(64);
  });
});
