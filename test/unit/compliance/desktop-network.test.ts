import type { UserEndpointReport } from '../../../ports/desktop-network.js';
import { fakeDesktopNetwork, type FakeNetworkRecord } from '../../../lab/fakes/fake-desktop-network.js';
import { FAKE_KEY, fakeDesktop } from '../../../lab/fakes/fake-host.js';
import { describeDesktopNetwork, type NetworkWorld, type Side } from '../../compliance/desktop-network.js';

async function make(): Promise<NetworkWorld> {
  const definition = fakeDesktop('desk');
  const records = { a: new Map<string, FakeNetworkRecord>(), b: new Map<string, FakeNetworkRecord>() };
  const user: UserEndpointReport = {
    desktop: definition.id,
    client: FAKE_KEY,
    seenAs: { address: '203.0.113.1', port: 40_000 },
    rtts: [],
  };
  const network = (side: Side) =>
    fakeDesktopNetwork({
      records: records[side],
      faults: new Set(),
      note: () => undefined,
      publicKey: Buffer.alloc(32, side).toString('base64'),
      externalPool: side === 'a' ? ['198.51.100.10', '198.51.100.11'] : ['192.0.2.10', '192.0.2.11'],
      // The client follows its desktop.
      users: () => (records[side].get(definition.id)?.active === true ? [user] : []),
      hears: (client) => client === FAKE_KEY,
    });
  const world = { a: network('a'), b: network('b') };
  await world.a.attach(definition);
  await world.a.allocateExternal(definition.id);
  await world.a.enroll(definition.id, [FAKE_KEY]);
  await world.a.activate(definition);
  return {
    ...world,
    definition,
    client: FAKE_KEY,
    restart: async (side) => void Object.assign(world[side], network(side)),
    kept: async (side) => [...records[side].keys()],
    remove: async () => undefined,
  };
}

describeDesktopNetwork('the fake network', make);
