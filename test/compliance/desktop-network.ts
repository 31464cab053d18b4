// What ports/desktop-network.ts promises, as claims about any network of desktops. The claims go one after the other through the life of one
// desktop that is in use: at its host, through a move that is called off, through one that is made.
import { setTimeout as sleep } from 'node:timers/promises';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { DesktopId } from '../../domain/model/ids.js';
import type { AddressChange, DesktopNetwork } from '../../ports/desktop-network.js';

export type Side = 'a' | 'b';

/** Two hosts with two external addresses each. At A a desktop is in use: plugged in, activated, and its user's client answers. */
export interface NetworkWorld {
  readonly a: DesktopNetwork;
  readonly b: DesktopNetwork;
  readonly definition: DesktopDefinition;
  /** Public key of the client that answers. */
  readonly client: string;
  /** Let another process take over the host: the one before ends as in a crash. */
  restart(side: Side): Promise<void>;
  /** Everything that the network keeps at this host for desktops, in words: taps, addresses, rules, processes, files. */
  kept(side: Side): Promise<string[]>;
  remove(): Promise<void>;
}

const TEST_MS = 60_000;
/** A client on the spot answers in milliseconds. */
const ANSWER_MS = 3_000;
/** A key that nobody has. */
const SILENT = Buffer.alloc(32, 'silent').toString('base64');

const desktop = (id: string, octet: number): DesktopDefinition =>
  DesktopDefinition.parse({
    id,
    memoryMiB: 64,
    diskMiB: 64,
    network: {
      address: `10.77.9.${String(octet)}`,
      gateway: `10.77.9.${String(octet - 1)}`,
      mac: `52:54:00:77:09:${octet.toString(16).padStart(2, '0')}`,
    },
  });
const second = desktop('a-desktop-of-the-longest-name-al', 6);
const third = desktop('third', 10);
const nobody = DesktopId.parse('nobody');

/** Claim of a network what the port promises; `make` gives a fresh world. */
export function describeDesktopNetwork(name: string, make: () => Promise<NetworkWorld>): void {
  let world: NetworkWorld;
  let a: DesktopNetwork;
  let b: DesktopNetwork;
  let definition: DesktopDefinition;
  let id: DesktopId;
  const claim = (title: string, test: () => Promise<void>) => it(title, test, TEST_MS);
  const refused = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ code });

  /** Make B ready for the desktop, and give the change of address to there. */
  async function changeTo(epoch: number): Promise<AddressChange> {
    await b.attach(definition);
    const newExternal = await b.allocateExternal(id);
    await b.importState(id, await a.exportState(id));
    const oldExternal = (await a.externalOf(id))!;
    return { desktop: id, epoch, oldExternal, newExternal, targetKey: b.publicKey };
  }

  async function untilUserIsKnown(network: DesktopNetwork): Promise<void> {
    for (let i = 0; i < 300 && (await network.userEndpoints()).length === 0; i++) await sleep(50);
    expect(await network.userEndpoints()).toMatchObject([{ desktop: id, client: world.client }]);
  }

  describe(name, () => {
    beforeAll(async () => {
      world = await make();
      ({ a, b, definition } = world);
      ({ id } = definition);
    }, TEST_MS);
    afterAll(() => world.remove(), TEST_MS);

    claim('has nothing to say of hosts that nobody else touches', async () => {
      expect([...(await a.notes()), ...(await b.notes())]).toEqual([]);
    });

    describe('a desktop at its host', () => {
      afterEach(async () => {
        for (const other of [second, third]) await a.detach(other.id);
      });

      claim('is plugged in once, by a tap that has a name which a kernel takes', async () => {
        const tap = await a.attach(second);
        expect(await a.attach(second)).toBe(tap);
        expect(tap).toMatch(/^[a-z0-9-]{1,15}$/);
        expect(await a.attach(definition)).not.toBe(tap);
      });

      claim(
        'has an external address of its own, the same when asked for again, while there are any',
        async () => {
          const own = await a.allocateExternal(second.id);
          expect(await a.allocateExternal(second.id)).toBe(own);
          expect(await a.externalOf(second.id)).toBe(own);
          expect(await a.externalOf(id)).not.toBe(own);
          await refused(a.allocateExternal(third.id), 'NO_CAPACITY');
          expect(await a.externalOf(third.id)).toBeNull();
          for (let i = 0; i < 2; i++) await a.releaseExternal(second.id);
          expect(await a.externalOf(second.id)).toBeNull();
          expect(await a.allocateExternal(third.id)).toBe(own);
        },
      );

      claim('can be activated when it has an external address', async () => {
        await refused(a.activate(second), 'UNKNOWN_DESKTOP');
        await a.attach(second);
        await refused(a.activate(second), 'INPUT_INVALID');
        await a.allocateExternal(second.id);
        for (let i = 0; i < 2; i++) await a.activate(second);
      });

      claim(
        'leaves nothing when it is unplugged, and nothing is to be unplugged of one that is not there',
        async () => {
          const before = await world.kept('a');
          await a.attach(second);
          await a.allocateExternal(second.id);
          await a.enroll(second.id, [SILENT]);
          await a.activate(second);
          expect(await world.kept('a')).not.toEqual(before);
          for (let i = 0; i < 2; i++) await a.detach(second.id);
          expect(await world.kept('a')).toEqual(before);
          await a.releaseExternal(second.id);
          await a.forgetMoved({
            desktop: nobody,
            epoch: 2,
            oldExternal: '198.18.0.1',
            newExternal: '198.18.0.2',
            targetKey: b.publicKey,
          });
          expect(await a.externalOf(second.id)).toBeNull();
          expect(await world.kept('a')).toEqual(before);
          await refused(a.exportState(second.id), 'UNKNOWN_DESKTOP');
        },
      );

      claim(
        'knows the clients that speak for its users, each once, and lets no key in that is none',
        async () => {
          await refused(a.enroll(id, ['a2V5']), 'INPUT_INVALID');
          for (let i = 0; i < 2; i++) await a.enroll(id, [world.client, SILENT]);
          expect((await a.exportState(id)).clients).toEqual([world.client, SILENT]);
          await untilUserIsKnown(a);
          expect(await b.userEndpoints()).toEqual([]);
        },
      );

      claim('keeps address, clients and users when another process takes over', async () => {
        const [external, state] = [await a.externalOf(id), await a.exportState(id)];
        await world.restart('a');
        expect(await a.externalOf(id)).toBe(external);
        expect(await a.exportState(id)).toEqual(state);
        await untilUserIsKnown(a);
      });

      claim('has its packets held while it is paused, and let go once', async () => {
        await refused(a.hold(nobody), 'UNKNOWN_DESKTOP');
        for (let i = 0; i < 2; i++) await a.hold(id);
        expect((await a.releaseHere(id)).packets).toBeGreaterThanOrEqual(0);
        expect(await a.releaseHere(id)).toEqual({ packets: 0 });
      });
    });

    describe('a move that is called off', () => {
      claim('is told to the clients that answer, and undone, as often as one asks', async () => {
        const change = await changeTo(5);
        for (let i = 0; i < 2; i++) await b.expect(change);
        for (let i = 0; i < 2; i++)
          expect(await a.prepareClients(change, ANSWER_MS)).toEqual({ prepared: 1, silent: 1 });
        const there = { desktop: id, attached: true, external: change.oldExternal, moved: [] };
        expect(await a.held(id)).toEqual([{ ...there, outgoing: expect.objectContaining({ epoch: 5 }) }]);
        for (let i = 0; i < 2; i++) await a.abortClients(change);
        expect(await a.held(id)).toEqual([{ ...there, outgoing: null }]);
        expect(await a.held(nobody)).toEqual([]);
        await b.detach(id);
        expect(await b.externalOf(id)).toBeNull();
        expect(await world.kept('b')).toEqual([]);
        await untilUserIsKnown(a);
      });

      claim(
        'is refused for addresses that are not the host’s, keys that are none, and state of no network',
        async () => {
          const change = await changeTo(5);
          const elsewhere = '198.18.0.99';
          await refused(a.prepareClients({ ...change, oldExternal: elsewhere }, ANSWER_MS), 'INPUT_INVALID');
          await refused(a.prepareClients({ ...change, targetKey: 'a2V5' }, ANSWER_MS), 'INPUT_INVALID');
          await refused(a.prepareClients({ ...change, desktop: nobody }, ANSWER_MS), 'UNKNOWN_DESKTOP');
          await refused(b.expect({ ...change, newExternal: elsewhere }), 'INPUT_INVALID');
          await refused(b.commitClients({ ...change, newExternal: elsewhere }, ANSWER_MS), 'INPUT_INVALID');
          await refused(b.importState(id, { clients: [], flows: null }), 'INPUT_INVALID');
          const state = await a.exportState(id);
          await refused(b.importState(id, { ...state, clients: ['a2V5'] }), 'INPUT_INVALID');
          await b.detach(id);
        },
      );
    });

    describe('a move', () => {
      let change: AddressChange;

      claim('sends what still comes to the old address on to the new one, held packets once', async () => {
        change = await changeTo(5);
        await b.expect(change);
        expect(await a.prepareClients(change, ANSWER_MS)).toEqual({ prepared: 1, silent: 1 });
        await a.hold(id);
        await b.activate(definition);
        expect((await a.releaseTo(change)).packets).toBeGreaterThanOrEqual(0);
        expect(await a.releaseTo(change)).toEqual({ packets: 0 });
        expect(await a.externalOf(id)).toBeNull();
        expect(await b.externalOf(id)).toBe(change.newExternal);
        const gone = { desktop: id, attached: true, external: null, outgoing: null };
        expect(await a.held()).toEqual([{ ...gone, moved: [change] }]);
      });

      claim('is committed to the clients by the host that the desktop came to, and by no other', async () => {
        await refused(b.commitClients({ ...change, targetKey: SILENT }, ANSWER_MS), 'NOT_OWNER');
        for (let i = 0; i < 2; i++)
          expect(await b.commitClients(change, ANSWER_MS)).toEqual({ confirmed: 1, silent: 1 });
        await untilUserIsKnown(b);
        expect(await a.userEndpoints()).toEqual([]);
      });

      claim('is followed by none of an older epoch', async () => {
        const older = { ...change, epoch: change.epoch - 1 };
        await refused(b.expect(older), 'FENCED');
        await refused(b.commitClients(older, ANSWER_MS), 'FENCED');
        const back = { ...older, oldExternal: change.newExternal, newExternal: change.oldExternal };
        await refused(b.prepareClients(back, ANSWER_MS), 'FENCED');
      });

      claim('keeps the old address from others until it is forgotten', async () => {
        await a.allocateExternal(second.id);
        await refused(a.allocateExternal(third.id), 'NO_CAPACITY');
        for (let i = 0; i < 2; i++) await a.forgetMoved(change);
        expect(await a.allocateExternal(third.id)).toBe(change.oldExternal);
        for (const other of [second.id, third.id, id]) await a.detach(other);
        expect(await world.kept('a')).toEqual([]);
        expect(await b.externalOf(id)).toBe(change.newExternal);
      });
    });
  });
}
