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
});
