// The desktop network port without packets: it keeps every promise that test/compliance/desktop-network.ts claims of the host proxy.
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import type { InternalNetwork } from '../../domain/model/desktop.js';
import { DesktopId } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { tapName } from '../../guest-proxy/host/tap.js';
import { AddressChangeRecord } from '../../guest-proxy/host/network-record.js';
import { PublicKey } from '../../domain/model/keys.js';
import type { AddressChange, DesktopNetwork, UserEndpointReport } from '../../ports/desktop-network.js';
import type { FakeFaults } from './fault.js';

/** What is known of a desktop; outlives the fake, as files would. */
export interface FakeNetworkRecord {
  network: InternalNetwork | null;
  external: string | null;
  active: boolean;
  epoch: number;
  clients: string[];
  held: boolean;
  outgoing: AddressChange | null;
  moved: AddressChange[];
}

export interface FakeDesktopNetworkOptions {
  readonly records: Map<string, FakeNetworkRecord>;
  readonly faults: FakeFaults;
  /** Told what happens to rules and clients, in order. */
  readonly note: (what: string) => void;
  readonly publicKey: string;
  /** External addresses that desktops may get. */
  readonly externalPool: readonly string[];
  readonly users: () => readonly UserEndpointReport[];
  /** Tells whether a client's proxy answers; all do unless told otherwise. */
  readonly hears?: (client: string) => boolean;
}

const Flows = z.object({ version: z.literal(1), epoch: z.number().int().min(0) });
/** How many packets every pause holds. */
const HELD_PACKETS = 3;

export function fakeDesktopNetwork(options: FakeDesktopNetworkOptions): DesktopNetwork {
  const { records, faults, note, publicKey, externalPool, users, hears = () => true } = options;
  const find = (id: DesktopId): FakeNetworkRecord => {
    const record = records.get(id);
    if (record === undefined) throw new VmshadowError('UNKNOWN_DESKTOP', `fake: no ${id} in this network`);
    return record;
  };
  const findOrMake = (id: DesktopId): FakeNetworkRecord => {
    const record = records.get(id) ?? newFakeNetworkRecord();
    records.set(id, record);
    return record;
  };
  const check = (change: AddressChange, own: 'oldExternal' | 'newExternal'): FakeNetworkRecord => {
    parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
    const record = find(change.desktop);
    if (record.external !== change[own])
      throw new VmshadowError(
        'INPUT_INVALID',
        `fake: ${change.desktop} has not the address ${change[own]} here`,
      );
    if (change.epoch < record.epoch)
      throw new VmshadowError('FENCED', `fake: epoch ${change.epoch} is older than ${record.epoch}`);
    return record;
  };
  const heard = ({ clients }: FakeNetworkRecord): number => clients.filter(hears).length;
  const release = (record: FakeNetworkRecord): { packets: number } => {
    const packets = record.held ? HELD_PACKETS : 0;
    record.held = false;
    return { packets };
  };
  return {
    publicKey,
    attach: async ({ id, network }) => {
      findOrMake(id).network = network;
      return tapName(id);
    },
    detach: async (id) => {
      records.delete(id);
    },
    allocateExternal: async (id) => {
      const record = findOrMake(id);
      const used = new Set(
        [...records.values()].flatMap((r) => [r.external, ...r.moved.map((m) => m.oldExternal)]),
      );
      const external = record.external ?? externalPool.find((address) => !used.has(address));
      if (external === undefined)
        throw new VmshadowError('NO_CAPACITY', `fake: no external address is free for ${id}`);
      record.external = external;
      return external;
    },
    externalOf: async (id) => records.get(id)?.external ?? null,
    releaseExternal: async (id) => {
      Object.assign(records.get(id) ?? {}, { external: null, active: false });
    },
    activate: async ({ id, network }) => {
      const record = find(id);
      if (record.external === null)
        throw new VmshadowError('INPUT_INVALID', `fake: ${id} has no external address yet`);
      Object.assign(record, { network, active: true });
      note(`rules ${id}`);
    },
    enroll: async (id, clients) => {
      const keys = parseInput(z.array(PublicKey), clients, `clients of ${id}`);
      const record = findOrMake(id);
      record.clients = [...new Set([...record.clients, ...keys])];
      for (const key of keys) note(`enroll ${key}`);
    },
    exportState: async (id) => {
      const { clients, epoch } = find(id);
      return { clients: [...clients], flows: { version: 1, epoch } };
    },
    importState: async (id, state) => {
      const { epoch } = parseInput(Flows, state.flows, `network state of ${id}`);
      const clients = parseInput(z.array(PublicKey), state.clients, `clients of ${id}`);
      const record = findOrMake(id);
      record.clients = [...new Set([...record.clients, ...clients])];
      record.epoch = Math.max(record.epoch, epoch);
    },
    prepareClients: async (change) => {
      const record = check(change, 'oldExternal');
      record.outgoing = change;
      return { prepared: heard(record), silent: record.clients.length - heard(record) };
    },
    abortClients: async (change) => {
      const record = find(change.desktop);
      if (record.outgoing?.epoch === change.epoch) record.outgoing = null;
      note('abort clients');
    },
    hold: async (id) => {
      find(id).held = true;
    },
    releaseHere: async (id) => release(find(id)),
    releaseTo: async (change) => {
      parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
      const record = findOrMake(change.desktop);
      if (record.external === change.oldExternal) Object.assign(record, { external: null, active: false });
      record.outgoing = null;
      record.moved = [...record.moved.filter((m) => m.oldExternal !== change.oldExternal), change];
      note(`forward ${change.desktop}`);
      return release(record);
    },
    forgetMoved: async (change) => {
      const record = records.get(change.desktop);
      if (record !== undefined) record.moved = record.moved.filter((m) => m.epoch !== change.epoch);
    },
    expect: async (change) => {
      if (faults.has('expect fails')) throw new VmshadowError('NETWORK', 'fake: no guard');
      check(change, 'newExternal');
    },
    commitClients: async (change) => {
      const record = check(change, 'newExternal');
      if (change.targetKey !== publicKey)
        throw new VmshadowError('NOT_OWNER', `fake: epoch ${change.epoch} belongs to another host's key`);
      record.epoch = change.epoch;
      return { confirmed: heard(record), silent: record.clients.length - heard(record) };
    },
    held: async (id) =>
      [...records]
        .filter(([desktop]) => id === undefined || desktop === id)
        .map(([desktop, { network, external, outgoing, moved }]) => ({
          desktop: DesktopId.parse(desktop),
          attached: network !== null,
          external,
          outgoing,
          moved: [...moved],
        })),
    userEndpoints: async () => [...users()],
    relayed: async () => [],
    notes: async () => [],
  };
}

/** The record of a desktop of which nothing is known yet. */
export function newFakeNetworkRecord(known: Partial<FakeNetworkRecord> = {}): FakeNetworkRecord {
  return {
    network: null,
    external: null,
    active: false,
    epoch: 0,
    clients: [],
    held: false,
    outgoing: null,
    moved: [],
    ...known,
  };
}
