import { jest } from '@jest/globals';
import { HostRef } from '../../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
let cloud: FakeCloud;
let fake: FakeHost;

beforeEach(async () => {
  cloud = new FakeCloud();
  fake = await cloud.add(west, { slots: 1, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 }, '198.51.100.10');
});
afterEach(() => cloud.remove());

describe('the capacity gate', () => {
  it('counts a desktop that is made while the host is being listed, and refuses a second one the same room', async () => {
    const { capacityGate, hypervisor } = fake.context;
    let endFirst: () => void = () => undefined;
    const untilListed = new Promise<void>((resolve) => (endFirst = resolve));
    let first: Promise<void> = Promise.resolve();
    await new Promise<void>((claimed) => {
      first = capacityGate.claim(fakeDesktop('d1'), async () => {
        claimed();
        await untilListed;
        await fake.give(fakeDesktop('d1'));
      });
    });
    const list = hypervisor.list.bind(hypervisor);
    jest.spyOn(hypervisor, 'list').mockImplementation(async () => {
      const before = await list();
      endFirst();
      await first;
      return before;
    });
    const second = capacityGate.claim(fakeDesktop('d2'), () => Promise.resolve());
    await expect(second).rejects.toMatchObject({ code: 'NO_CAPACITY' });
  });

  it('refuses what the machine has no room for, whatever is configured, and names both numbers', async () => {
    const { capacityGate } = fake.context;
    fake.machine.resources = {
      disk: { fileSystem: '/srv', freeMiB: 63, totalMiB: 5_000 },
      memory: { availableMiB: 60, totalMiB: 4_096 },
    };
    let made = false;
    await expect(
      capacityGate.claim(fakeDesktop('d1'), () => Promise.resolve(void (made = true))),
    ).rejects.toMatchObject({
      code: 'NO_CAPACITY',
      message: expect.stringMatching(
        /64 MiB of disk wanted, 63 MiB .*\/srv.*64 MiB of memory wanted, 60 MiB/,
      ),
    });
    expect(made).toBe(false);
  });

  it('reports the smaller of what is configured and what is really left, and never less than is taken', async () => {
    const { capacityGate } = fake.context;
    await fake.give(fakeDesktop('d1'));
    fake.machine.resources = {
      disk: { fileSystem: '/srv', freeMiB: 1_064, totalMiB: 5_000 },
      memory: { availableMiB: 1, totalMiB: 4_096 },
    };
    const { used, capacity } = await capacityGate.inventory();
    expect(used).toMatchObject({ diskMiB: 64, memoryMiB: 64 });
    expect(capacity).toEqual({ slots: 1, vcpus: 8, memoryMiB: 64, diskMiB: 64 + 1_000 });
    fake.machine.resources = {
      ...fake.machine.resources,
      disk: { fileSystem: '/', freeMiB: 1e9, totalMiB: 1e9 },
    };
    expect((await capacityGate.inventory()).capacity.diskMiB).toBe(10_000);
  });

  it('lets a desktop start where its memory is left beside those that run and come, not those that are off', async () => {
    const { capacityGate, hypervisor } = fake.context;
    for (const id of ['d1', 'd2', 'd3']) await fake.give(fakeDesktop(id));
    for (const id of ['d2', 'd3']) fake.machine.crash(id);
    fake.machine.resources = { ...fake.machine.resources, memory: { availableMiB: 191, totalMiB: 200 } };
    const start = (id: string) =>
      capacityGate.starting(fakeDesktop(id), () => hypervisor.start(fakeDesktop(id).id));
    await start('d2');
    await expect(start('d3')).rejects.toMatchObject({
      code: 'NO_CAPACITY',
      message: expect.stringMatching(/64 MiB/),
    });
    fake.machine.resources = { ...fake.machine.resources, memory: { availableMiB: 0, totalMiB: 200 } };
    await start('d2');
    expect(fake.desktops.get('d3')?.state).toBe('crashed');
  });

  it('does not start two at a time in the room of one', async () => {
    const { capacityGate } = fake.context;
    for (const id of ['d2', 'd3']) {
      await fake.give(fakeDesktop(id));
      fake.machine.crash(id);
    }
    fake.machine.resources = { ...fake.machine.resources, memory: { availableMiB: 100, totalMiB: 200 } };
    let goOn: () => void = () => undefined;
    const first = capacityGate.starting(
      fakeDesktop('d2'),
      () => new Promise<void>((resolve) => (goOn = resolve)),
    );
    await expect(capacityGate.starting(fakeDesktop('d3'), () => Promise.resolve())).rejects.toMatchObject({
      code: 'NO_CAPACITY',
    });
    goOn();
    await first;
  });
});
