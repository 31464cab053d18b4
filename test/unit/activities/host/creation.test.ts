// A creation at its host: cut off anywhere, given up, done twice, or of a workflow that is no more; nothing is left, nothing of others is touched.
import { setTimeout as sleep } from 'node:timers/promises';
import { creationActivities } from '../../../../activities/host/creation.js';
import { desktopActivities } from '../../../../activities/host/desktops.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const capacity = { slots: 2, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const definition = fakeDesktop('d1');
const { id } = definition;
const request = { definition, image: 'image.qcow2', clients: [], start: true, creation: 'd1-1' };
const ref = { desktop: id, creation: 'd1-1' };
let cloud: FakeCloud;
let host: FakeHost;
let progress: object[];
let attempt: AbortController;
let creation: ReturnType<typeof creationActivities>;

beforeEach(async () => {
  cloud = new FakeCloud();
  host = await cloud.add(west, capacity, '198.51.100.10');
  progress = [];
  attempt = new AbortController();
  creation = creationActivities(host.context, () =>
    Object.assign(async (part: object) => void progress.push(part), { signal: attempt.signal }),
  );
});
afterEach(() => cloud.remove());

const untilCopying = async () => {
  while (progress.length === 0) await sleep(1);
};
/** All that a desktop takes here. */
const traces = async () => ({
  desktop: await host.context.hypervisor.get(id),
  network: host.network.size,
  left: await host.leftovers(),
  used: (await host.context.capacityGate.inventory()).used.slots,
});
const NOTHING = { desktop: null, network: 0, left: [], used: 0 };

describe('a creation', () => {
  it('tells how far it is, and is this host’s desktop when its workflow knows', async () => {
    expect(await creation.makeDesktop(request)).toEqual({ external: '198.51.100.10' });
    expect(progress.at(-1)).toEqual({ doneBytes: 40, totalBytes: 40 });
    // An attempt whose answer was lost is followed by one that finds it made.
    expect(await creation.makeDesktop(request)).toEqual({ external: '198.51.100.10' });
    await creation.settleCreation(ref);
    expect(await host.leftovers()).toEqual([]);
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('counts its room while it lasts, also when nobody works on it', async () => {
    host.faults.add('image never ends');
    const making = creation.makeDesktop(request);
    await untilCopying();
    attempt.abort(new Error('the worker ends'));
    await expect(making).rejects.toThrow('the worker ends');
    expect((await traces()).used).toBe(1);
    expect(await creation.discardCreation(ref)).toEqual({ made: null });
    expect(await traces()).toEqual(NOTHING);
  });

  it('leaves nothing when it is cancelled in the copy, however often that is undone', async () => {
    host.faults.add('image never ends');
    const making = creation.makeDesktop(request);
    await untilCopying();
    attempt.abort(new Error('cancelled'));
    await expect(making).rejects.toThrow('cancelled');
    for (let i = 0; i < 2; i++) expect(await creation.discardCreation(ref)).toEqual({ made: null });
    expect(await traces()).toEqual(NOTHING);
  });

  it('goes on after a crash in the copy, and leaves nothing where it is discarded instead', async () => {
    await host.context.creations.put(id, { creation: 'd1-1', definition, atMs: 0, made: false });
    await host.context.network.attach(definition);
    host.machine.unfinished.add(id);
    await creation.discardCreation(ref);
    expect(await traces()).toEqual(NOTHING);
    host.machine.unfinished.add(id);
    await creation.makeDesktop(request);
    await creation.settleCreation(ref);
    expect(await host.leftovers()).toEqual([]);
  });

  it('that was finished before it was cancelled stays, and is said to be there', async () => {
    await creation.makeDesktop(request);
    expect(await creation.discardCreation(ref)).toEqual({ made: { external: '198.51.100.10' } });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
    expect(await host.leftovers()).toEqual([]);
  });

  it('half made and already running is taken away with its owner’s record', async () => {
    await creation.makeDesktop(request);
    await host.context.creations.put(id, { creation: 'd1-1', definition, atMs: 0, made: false });
    expect(await creation.discardCreation(ref)).toEqual({ made: null });
    expect(await traces()).toEqual(NOTHING);
    expect((await host.context.ownership.get(id))?.state).toBe('removed');
  });

  it('never touches a desktop that is here already, nor lets another creation take it', async () => {
    await creation.makeDesktop(request);
    await creation.settleCreation(ref);
    const other = { ...request, creation: 'd1-2' };
    await expect(creation.makeDesktop(other)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await creation.discardCreation({ desktop: id, creation: 'd1-2' })).toEqual({ made: null });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('removes what one before has left whose workflow is no more', async () => {
    await host.context.creations.put(id, { creation: 'd1-0', definition, atMs: 0, made: false });
    host.machine.unfinished.add(id);
    await creation.makeDesktop(request);
    await creation.settleCreation(ref);
    expect(await host.leftovers()).toEqual([]);
    expect(await creation.discardCreation({ desktop: id, creation: 'd1-0' })).toEqual({ made: null });
    expect(cloud.runningAt('d1')).toEqual(['us-west/h1']);
  });

  it('of a desktop that was removed meanwhile is forgotten with it', async () => {
    await creation.makeDesktop(request);
    await host.context.hypervisor.stop(id, 0);
    await desktopActivities(host.context).removeDesktop({ desktop: id });
    expect(await traces()).toEqual(NOTHING);
  });
});
