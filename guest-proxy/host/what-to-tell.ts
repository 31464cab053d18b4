// What a client has to be told, from this host's record of the desktop and what the client says of itself in its keepalives. Pure.
// A lost message, a crash at either end, or a client that was away for a whole move needs no case of its own.
import type { Message } from '../protocol/messages.js';
import type { Role } from '../protocol/wire.js';
import { addressesOf, type AddressChangeRecord, type NetworkRecord, roleAt } from './network-record.js';

/** Clients keep prepared rules for so long without hearing more: longer than any switchover with its retries. */
const PREPARED_LIFETIME_MS = 600_000;

/** The client's view, as it states it. */
export interface ClientView {
  readonly localAddress: string;
  readonly epoch: number;
  /** 0: it has been told of no change. */
  readonly pendingEpoch: number;
}

/** What this host is to a desktop at one of its addresses, for an enrolled client; null for anybody else. */
export function standingFor(
  record: NetworkRecord | null,
  client: string,
  localAddress: string,
): { role: Role; epoch: number } | null {
  if (record?.clients.includes(client) !== true || !addressesOf(record).includes(localAddress)) return null;
  const change = record.moved.find((m) => m.oldExternal === localAddress);
  // An address that the desktop has left speaks for the epoch before.
  return {
    role: roleAt(record, localAddress),
    epoch: change === undefined ? record.epoch : change.epoch - 1,
  };
}

/** The PREPARE of a change. */
export function prepareMessage(change: AddressChangeRecord): Message {
  const { desktop, epoch, oldExternal, newExternal } = change;
  return {
    kind: 'prepare',
    desktop,
    epoch,
    oldExternal,
    newExternal,
    targetKey: Buffer.from(change.targetKey, 'base64'),
    lifetimeMs: PREPARED_LIFETIME_MS,
    relays: true,
  };
}

/** The messages that bring a client to what the record says, in order; none when it is there. */
export function whatToTell(record: NetworkRecord, client: ClientView): Message[] {
  const { localAddress, epoch, pendingEpoch } = client;
  const { desktop } = record;
  const left = record.moved.find((m) => m.oldExternal === localAddress);
  const change = left ?? (record.outgoing?.oldExternal === localAddress ? record.outgoing : undefined);
  if (change !== undefined) {
    if (pendingEpoch === change.epoch || epoch >= change.epoch) return [];
    // The desktop came here and has gone on while the client was away: the step that led here is committed, too. A client that was to go
    // elsewhere refuses it, and goes by the PREPARE.
    const cameHere = left !== undefined && epoch < pendingEpoch && pendingEpoch < change.epoch;
    const step = { kind: 'commit', desktop, epoch: pendingEpoch } as const;
    return [...(cameHere ? [step] : []), prepareMessage(change)];
  }
  if (roleAt(record, localAddress) !== 'owner') return [];
  if (epoch < record.epoch && pendingEpoch === record.epoch)
    return [{ kind: 'commit', desktop, epoch: record.epoch }];
  return pendingEpoch > record.epoch ? [{ kind: 'abort', desktop, epoch: pendingEpoch }] : [];
}
