// What a target remembers of a move: its record with two ports of its own, and how calls find (or refuse) it.
import { isDeepStrictEqual } from 'node:util';
import type { MoveKey } from '../../../ports/hypervisor.js';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { HostRef } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import type { QemuHost, RunningCopy } from '../process/qemu-host.js';
import { copyKeyOf, moveName } from '../process/layout.js';
import type { IncomingRecord } from '../process/records.js';

/** Read the move's record or make it, with two ports that no other move has. */
export async function incomingRecord(
  host: QemuHost,
  move: MoveKey,
  definition: DesktopDefinition,
  from: HostRef,
): Promise<IncomingRecord> {
  const known = await host.records.incoming.get(moveName(move));
  if (known !== null) {
    if (isDeepStrictEqual(known.definition, definition)) return known;
    throw new VmshadowError(
      'INPUT_INVALID',
      `move ${move.moveId} of ${move.desktop} was prepared with another definition; discard it first`,
    );
  }
  const { first, last } = host.options.incoming.ports;
  const others = await host.records.incoming.list();
  const taken = new Set(others.flatMap((other) => [other.diskPort, other.memoryPort]));
  const free: number[] = [];
  for (let port = first; port <= last && free.length < 2; port++) if (!taken.has(port)) free.push(port);
  const [diskPort, memoryPort] = free;
  if (diskPort === undefined || memoryPort === undefined)
    throw new VmshadowError(
      'NO_CAPACITY',
      `all incoming ports ${first} to ${last} are in use by ${others.length} moves; widen the range or wait`,
    );
  const record = {
    desktop: move.desktop,
    moveId: move.moveId,
    definition,
    tap: null,
    diskPort,
    memoryPort,
    relay: host.options.relay?.wanted === true ? from : null,
    phase: 'prepared' as const,
  };
  await host.records.incoming.put(moveName(move), record);
  return record;
}

/** The process of the copy that comes in; throws MEMORY_COPY when it is gone. */
export async function incomingCopy(host: QemuHost, move: MoveKey): Promise<RunningCopy> {
  const copy = await host.findCopy(host.layout.copy(move.desktop, copyKeyOf(move)), move.desktop);
  if (copy === null) throw neverRan(move);
  return copy;
}

/** The record of a move that comes in; throws NO_MOVE, or TOO_LATE when it has been activated. */
export async function mustBeIncoming(host: QemuHost, move: MoveKey): Promise<IncomingRecord> {
  const record = await host.records.incoming.get(moveName(move));
  if (record !== null) return record;
  const known = await host.records.desktops.get(move.desktop);
  throw known?.copy === copyKeyOf(move) ? tooLate(move) : notIncoming(move);
}

/** A host has one copy of a desktop at most. */
export async function refuseIfHere(host: QemuHost, move: MoveKey): Promise<void> {
  const known = await host.records.desktops.get(move.desktop);
  if (known === null) return;
  if (known.copy === copyKeyOf(move)) throw tooLate(move);
  throw new VmshadowError(
    'ALREADY_THERE',
    `this host already has desktop ${move.desktop}: it cannot take it in`,
  );
}

/** The error for a move that this host knows nothing of. */
export function notIncoming(move: MoveKey): VmshadowError {
  return new VmshadowError('NO_MOVE', `no move ${move.moveId} of ${move.desktop} comes in on this host`);
}

/** The error for a move that has been activated. */
export function tooLate(move: MoveKey): VmshadowError {
  return new VmshadowError(
    'TOO_LATE',
    `move ${move.moveId} of ${move.desktop} has already been activated here`,
  );
}

/** The error for a copy that never ran and never will, because it is gone unless `why` says another thing: the source may go on. */
export function neverRan(move: MoveKey, why = 'is gone'): VmshadowError {
  return new VmshadowError(
    'MEMORY_COPY',
    `the copy of ${move.desktop} (move ${move.moveId}) never ran: ${why}`,
    {
      details: { ran: false },
    },
  );
}
