// The repairs of reconciliation look again under the lock: what was reported may be over, and then nothing is touched.
import { reconcileActivities } from '../../../../activities/host/reconcile.js';
import { accept, release } from '../../../../domain/migration/ownership.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { Held } from '../../../../domain/reconcile/held.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const peer = { host: east, endpoint: { address: '192.0.2.1', port: 1 } };
const definition = fakeDesktop('d1');
const { id } = definition;
const moveId = 'd1-0123456789ab';
const move = { desktop: id, moveId };
let cloud: FakeCloud;
let source: FakeHost;
let target: FakeHost;

beforeEach(async () => {
  cloud = new FakeCloud();
  source = await cloud.add(west, capacity, '198.51.100.10');
  target = await cloud.add(east, capacity, '203.0.113.10');
  await source.give(definition);
});

afterEach(() => cloud.remove());

const at = (host: FakeHost) => reconcileActivities(host.context);
const refused = (call: Promise<unknown>) => expect(call).rejects.toMatchObject({ code: 'FENCED' });

/** Let the target expect a move whose replica stands, and the source copy to it. */
async function underWay(): Promise<void> {
  const { hypervisor, network, reservations } = target.context;
  await reservations.put(moveId, {
    moveId,
    definition,
    from: west,
    epoch: 2,
    atMs: 0,
    diskUsedBytes: 0,
    oldExternal: null,
  });
  await network.attach(definition);
  await network.allocateExternal(id);
  await source.context.hypervisor.startDiskCopy(
    move,
    await hypervisor.prepareDisk(move, definition, west),
    60,
  );
  await source.context.linkCap.cap(moveId, '192.0.2.1', 15_800, 60);
}

describe('what a host says that it holds', () => {
  it('leaves out what is being made, which nobody else takes away', async () => {
    const { creations, network } = target.context;
    const made = fakeDesktop('d2');
    const record = { creation: 'd2-0123456789ab', definition: made, atMs: 0 };
    await creations.put(made.id, { ...record, made: false });
    await network.attach(made);
    expect((await at(target).reportHeld({ desktop: null })).networks).toEqual([]);
    await refused(at(target).detachStale({ desktop: made.id }));
    // Its workflow has gone, and so has what it was making: the tap is a leftover.
    await creations.remove(made.id);
    expect((await at(target).reportHeld({ desktop: null })).networks).toHaveLength(1);
    await at(target).detachStale({ desktop: made.id });
    expect((await at(target).reportHeld({ desktop: null })).networks).toEqual([]);
  });

  it('is everything that a move has at both ends, and what the schema of a report takes', async () => {
    await underWay();
    const [there, here] = [
      await at(target).reportHeld({ desktop: null }),
      await at(source).reportHeld({ desktop: id }),
    ];
    expect([Held.parse(there), Held.parse(here)]).toEqual([there, here]);
    expect(there).toMatchObject({
      reservations: [{ moveId, from: west, epoch: 2, switching: false }],
      desktops: [],
      incoming: [move],
      networks: [{ desktop: id, attached: true, external: '203.0.113.10' }],
    });
    expect(here).toMatchObject({
      records: [{ state: 'owner', epoch: 1 }],
      desktops: [{ desktop: id, state: 'running' }],
      outgoing: [{ desktop: id, copies: [moveId] }],
      capped: [moveId],
    });
  });

  it('is of one desktop where one is asked for', async () => {
    await underWay();
    await source.give(fakeDesktop('d2'));
    const held = await at(source).reportHeld({ desktop: fakeDesktop('d2').id });
    expect(held).toMatchObject({ records: [{ desktop: 'd2' }], outgoing: [], capped: [] });
    expect(held.networks.map((n) => n.desktop)).toEqual(['d2']);
    expect(held.desktops.map((n) => n.desktop)).toEqual(['d2']);
  });
});

describe('a repair', () => {
  it('ends copies of a desktop that is owned at the epoch that was seen, and of no other', async () => {
    await underWay();
    await refused(at(source).endCopies({ desktop: id, epoch: 2, copies: [moveId] }));
    await source.context.ownership.change(id, (r) => release(r, id, 2, east, 0));
    await refused(at(source).endCopies({ desktop: id, epoch: 1, copies: [moveId] }));
    expect(source.desktops.get(id)?.mirror).not.toBeNull();
  });

  it('ends no copy but those that were seen', async () => {
    await underWay();
    await at(source).endCopies({ desktop: id, epoch: 1, copies: ['d1-another'] });
    expect(source.desktops.get(id)?.mirror).not.toBeNull();
    for (let i = 0; i < 2; i++) await at(source).endCopies({ desktop: id, epoch: 1, copies: [moveId] });
    expect(source.desktops.get(id)?.mirror).toBeNull();
  });

  it('asks the target about a release only while that waits for an answer', async () => {
    const finish = () => at(source).finishMove({ ...move, epoch: 2, peer });
    await underWay();
    await refused(finish());
    await source.context.ownership.change(id, (r) => release(r, id, 2, east, 0));
    await refused(finish());
    await source.context.network.releaseTo({
      desktop: id,
      epoch: 2,
      oldExternal: '198.51.100.10',
      newExternal: '203.0.113.10',
      targetKey: target.context.network.publicKey,
    });
    await refused(finish());
  });

  it('leaves a release as it is when its target cannot be asked', async () => {
    await underWay();
    const change = {
      desktop: id,
      epoch: 2,
      oldExternal: '198.51.100.10',
      newExternal: '203.0.113.10',
      targetKey: target.context.network.publicKey,
    };
    await source.context.network.prepareClients(change, 0);
    const record = await source.context.ownership.change(id, (r) => release(r, id, 2, east, 0));
    target.alive = false;
    await expect(at(source).finishMove({ ...move, epoch: 2, peer })).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
    expect(await source.context.ownership.get(id)).toEqual(record);
  });

  it('runs nothing that this host has not taken over', async () => {
    await underWay();
    const run = () => at(target).runHere({ ...move, epoch: 2, from: west });
    await refused(run());
    expect(await target.context.ownership.get(id)).toBeNull();
    await target.context.ownership.change(id, (r) => accept(r, id, 2, west, 0));
    await expect(at(target).runHere({ ...move, epoch: 2, from: east })).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect(target.desktops.has(id)).toBe(false);
  });

  it('gives room back only of what has come: never of a copy that has not run', async () => {
    await underWay();
    await refused(at(target).settleDeadMove(move));
    await target.context.ownership.change(id, (r) => accept(r, id, 2, west, 0));
    await refused(at(target).settleDeadMove(move));
    expect(target.machine.incoming.has(moveId)).toBe(true);
    expect(await target.context.reservations.get(moveId)).not.toBeNull();
  });

  it('takes no tap away that is in use', async () => {
    await underWay();
    await refused(at(source).detachStale({ desktop: id }));
    await refused(at(target).detachStale({ desktop: id }));
    await target.context.hypervisor.discardTarget(move);
    await refused(at(target).detachStale({ desktop: id }));
    await target.context.reservations.remove(moveId);
    await at(target).detachStale({ desktop: id });
    expect(target.network.has(id)).toBe(false);
  });

  it('waits for an attempt that still works on the desktop', async () => {
    await underWay();
    let end: () => void = () => undefined;
    const attempt = source.context.locks.run(id, 'an attempt', () => new Promise<void>((r) => (end = r)));
    const repair = at(source).endCopies({ desktop: id, epoch: 1, copies: [moveId] });
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.desktops.get(id)?.mirror).not.toBeNull();
    end();
    await Promise.all([attempt, repair]);
    expect(source.desktops.get(id)?.mirror).toBeNull();
  });
});
