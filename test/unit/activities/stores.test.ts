// What a host has promised and what it owns, on a disk that cannot be read.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CapacityGate } from '../../../activities/host/capacity-gate.js';
import { OwnershipStore } from '../../../activities/stores/ownership-store.js';
import { CreationStore } from '../../../activities/stores/creation-store.js';
import { ReservationStore } from '../../../activities/stores/reservation-store.js';
import { HostRef } from '../../../domain/model/ids.js';
import { fakeDesktop, FakeCloud } from '../../../lab/fakes/fake-host.js';
import { NODE_FILES } from '../../../os/file-operations.js';
import { errno } from '../os/model-disk.js';

const self = HostRef.parse({ site: 'us-west', host: 'h1' });
const capacity = { slots: 1, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const desktop = fakeDesktop('d1');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-stores-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('records of releases before', () => {
  it('are read as they were written', async () => {
    const owned = {
      desktop: 'd1',
      epoch: 3,
      state: 'released',
      peer: { site: 'us-east', host: 'h1' },
      atMs: 7,
    };
    const reserved = { moveId: 'd2-0a', definition: desktop, from: self, epoch: 2, atMs: 8 };
    await writeFile(join(folder, 'd1.json'), `${JSON.stringify(owned)}\n`);
    expect(await new OwnershipStore(folder).list()).toEqual([owned]);
    await rm(join(folder, 'd1.json'));
    await writeFile(join(folder, 'd2-0a.json'), `${JSON.stringify(reserved)}\n`);
    expect(await new ReservationStore(folder).get('d2-0a')).toEqual({
      ...reserved,
      diskUsedBytes: 0,
      oldExternal: null,
    });
  });
});

describe('a host whose records cannot be read', () => {
  it.each(['ownership', 'reservations', 'creations'] as const)(
    'promises no capacity (%s)',
    async (broken) => {
      const cloud = new FakeCloud();
      const fake = await cloud.add(self, capacity, '198.51.100.10');
      const failing = {
        files: { ...NODE_FILES, readNames: () => Promise.reject(errno('EIO', folder)) },
      };
      const gate = new CapacityGate({
        self,
        capacity,
        growth: { disk: 1, memory: 1 },
        hypervisor: fake.context.hypervisor,
        ownership: new OwnershipStore(join(folder, 'o'), broken === 'ownership' ? failing : {}),
        reservations: new ReservationStore(join(folder, 'r'), broken === 'reservations' ? failing : {}),
        creations: new CreationStore(join(folder, 'c'), broken === 'creations' ? failing : {}),
      });
      let made = false;
      const claim = gate.claim(desktop, async () => void (made = true));
      await expect(claim).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
      expect(made).toBe(false);
      await cloud.remove();
    },
  );
});

it('a reservation that was given up is gone for good', async () => {
  const store = new ReservationStore(folder);
  await store.put('m1', {
    moveId: 'm1',
    definition: desktop,
    from: self,
    epoch: 2,
    atMs: 0,
    diskUsedBytes: 0,
    oldExternal: null,
  });
  await store.remove('m1');
  expect(await readdir(folder)).toEqual([]);
});
