// Source side of memory: pre-copy that never switches over by itself. QEMU switches when what is left fits its downtime limit, and always
// when nothing at all is left, which an idle guest reaches at any limit. So the source asks for a switchover acknowledgement that the
// target was not told to give: QEMU then goes on with rounds until the guest is stopped, which `switchover` (switchover.ts) does.
// A guest that is idle makes QEMU spin through thousands of empty rounds a second: `memoryProgress` then slows the stream to a trickle.
import type { DesktopId } from '../../../domain/model/ids.js';
import type { SavedBytes } from '../../../domain/migration/saved-bytes.js';
import type { MemoryProgress, MemoryTarget, MoveKey, WireBytes } from '../../../ports/hypervisor.js';
import { VmshadowError } from '../../../domain/errors.js';
import { capOf, RELAY_GAIN } from './disk-copy.js';
import { mustHaveKeptTpm } from '../process/tpm.js';
import type { QemuHost } from '../process/qemu-host.js';
import { copyKeyOf } from '../process/layout.js';
import { cancelMigration, isUnderWay, letRun } from './end-migration.js';
import type { WireMeter } from './wire-meter.js';
import { WireShare } from './wire-share.js';
import { choosePace, linkBytesPerSecond, TRICKLE_BYTES_PER_SECOND, type PaceSample } from './pacing.js';
import {
  migrationParameters,
  queryMigrate,
  queryStatus,
  type MigrationInfo,
  type MigrationParameters,
} from '../qmp/qmp-replies.js';
import type { CommandOptions, QmpClient } from '../qmp/qmp-client.js';
import { relayedSoFar, startSourceRelay, type Relayed } from '../process/relay.js';
import { addClientCredentials, removeCredentials } from '../process/tls.js';

/** Capabilities of both ends; `events` and `return-path` tell how it goes, the others keep two copies from running. */
export const COMMON_CAPABILITIES = [
  'events',
  'return-path',
  'pause-before-switchover',
  'late-block-activate',
  'xbzrle',
];
/** A power of two; a guest's working set of a second or two. */
const XBZRLE_CACHE_BYTES = 64 * 2 ** 20;
/** Small, so that rounds run to their end; the pause is decided in switchover.ts. */
const DOWNTIME_LIMIT_MS = 1;
/** Each reading of the wire is a process. */
const READ_EVERY_MS = 900;

const STATES: Readonly<Record<string, MemoryProgress['state']>> = {
  setup: 'setup',
  active: 'active',
  'wait-unplug': 'setup',
  'pre-switchover': 'pre-switchover',
  device: 'device',
  completed: 'completed',
  failed: 'failed',
  cancelling: 'cancelled',
  cancelled: 'cancelled',
};

const CREDENTIALS = 'tls-memory-';

/** Name of the credentials of a move's memory stream; it also tells whose migration it is. */
export function memoryCredentials(move: MoveKey): string {
  return `${CREDENTIALS}${copyKeyOf(move)}`;
}

/** What tells whose migration this is: its credentials, or, where a relay has them, their name alone, in a setting that only targets use. */
export function markOf(parameters: MigrationParameters): string {
  return parameters['tls-creds'] || parameters['tls-authz'];
}

/** The key of the move whose migration this QEMU has or had last, until it was cancelled. */
export async function memoryCopyOf(qmp: QmpClient, options?: CommandOptions): Promise<string | null> {
  const current = markOf(await migrationParameters(qmp, options));
  return current.startsWith(CREDENTIALS) ? current.slice(CREDENTIALS.length) : null;
}

/** The list that migrate-set-capabilities wants. */
export function capabilities(names: readonly string[]): { capability: string; state: boolean }[] {
  return names.map((capability) => ({ capability, state: true }));
}

export class MemoryCopies {
  readonly #host: QemuHost;
  readonly #samples = new Map<string, PaceSample>();
  /** Best rate seen of each move's link, bytes a second. */
  readonly #rates = new Map<string, number>();
  readonly #wire: WireMeter;
  /** What QEMU had sent of each move's memory when the wire was read last, and when that was. */
  readonly #readings = new Map<string, { sentBytes: number; atMs: number }>();
  /** What the relays of moves tell: at that reading (bytes of memory), and since; and what crosses the wire of what they are given. */
  readonly #relayed = new Map<string, { then: number; now: Relayed; share: WireShare }>();

  constructor(host: QemuHost, wire: WireMeter) {
    this.#host = host;
    this.#wire = wire;
  }

  /** Begin pre-copy; one of this move that is under way gets the new cap. */
  async start(move: MoveKey, target: MemoryTarget, mbps: number): Promise<void> {
    const { qmp, record } = await this.#host.runningDesktop(move.desktop);
    const { relay } = target;
    const cap = capOf(mbps, relay);
    const rates = { 'max-bandwidth': cap, 'avail-switchover-bandwidth': cap };
    if (isUnderWay(await queryMigrate(qmp))) {
      await this.#mustBeOurs(qmp, move);
      this.#wire.watch(move, 'memory', target);
      await qmp.execute('migrate-set-parameters', rates);
      return;
    }
    if (!(await queryStatus(qmp)).running)
      throw new VmshadowError(
        'MEMORY_COPY',
        `desktop ${move.desktop} does not run: its memory cannot be copied`,
      );
    await mustHaveKeptTpm(record.definition, this.#host.layout.copy(move.desktop, record.copy));
    const mark = memoryCredentials(move);
    if (relay === undefined) await addClientCredentials(this.#host, qmp, mark);
    else await startSourceRelay(this.#host, move, target.address, relay);
    await qmp.execute('migrate-set-capabilities', {
      // A relay does it for all pages, and better.
      capabilities: [
        ...capabilities([...COMMON_CAPABILITIES, 'switchover-ack']),
        { capability: 'xbzrle', state: relay === undefined },
      ],
    });
    await qmp.execute('migrate-set-parameters', {
      ...rates,
      'downtime-limit': DOWNTIME_LIMIT_MS,
      'xbzrle-cache-size': XBZRLE_CACHE_BYTES,
      ...(relay === undefined
        ? { 'tls-creds': mark, 'tls-authz': '', 'tls-hostname': target.address }
        : { 'tls-creds': '', 'tls-authz': mark, 'tls-hostname': '' }),
    });
    this.#forget(move);
    const { memory } = this.#host.layout.relay(move.desktop, copyKeyOf(move));
    const uri = relay === undefined ? `tcp:${target.address}:${target.port}` : `unix:${memory}`;
    await qmp.execute('migrate', { uri });
    this.#wire.watch(move, 'memory', target);
  }

  /** How far pre-copy is. While the guest runs, it also chooses the pace of the stream (see the head of this file). */
  async progress(move: MoveKey): Promise<MemoryProgress> {
    const { qmp } = await this.#host.runningDesktop(move.desktop);
    const parameters = await migrationParameters(qmp);
    const ours = markOf(parameters) === memoryCredentials(move);
    const info = ours ? await queryMigrate(qmp) : {};
    const read = this.#readings.get(move.moveId);
    if (this.#host.now() - (read?.atMs ?? -Infinity) >= READ_EVERY_MS) await this.readWire(move, info);
    const progress = this.observe(move, info, parameters);
    if (progress.state === 'active') await this.#pace(qmp, move, progress, parameters);
    return progress;
  }

  /** Translate QEMU's figures, and learn the rate of the link from them. */
  observe(move: MoveKey, info: MigrationInfo, parameters: MigrationParameters): MemoryProgress {
    const cap = parameters['avail-switchover-bandwidth'];
    const trickling = isTrickle(parameters);
    const relayed = this.#relayed.get(move.moveId);
    if (relayed !== undefined) {
      const link = cap / RELAY_GAIN;
      const carried = Math.min(link, relayed.now.pathBytesPerSecond || link);
      const rate = Math.min(cap, carried / relayed.share.share);
      return {
        ...progressOf(info, rate),
        wireBytes: this.wireBytes(move, info).memory,
        saved: relayed.now.saved,
      };
    }
    const rate = linkBytesPerSecond(info, cap, trickling, this.#rates.get(move.moveId));
    if (info.status === 'active' && !trickling) this.#rates.set(move.moveId, rate);
    return { ...progressOf(info, rate), wireBytes: this.wireBytes(move, info).memory };
  }

  /** Ask the kernel what the move has sent; `info` is as new. */
  async readWire(move: MoveKey, info: MigrationInfo): Promise<void> {
    await this.#wire.read(move);
    await this.readRelay(move, info);
    const relayed = this.#relayed.get(move.moveId);
    if (relayed !== undefined) relayed.then = relayed.now.memoryBytes;
    this.#readings.set(move.moveId, { sentBytes: info.ram?.transferred ?? 0, atMs: this.#host.now() });
  }

  /** Ask the move's relay, if it has one, what it has sent and saved. */
  async readRelay(move: MoveKey, info: MigrationInfo): Promise<void> {
    const now = await relayedSoFar(this.#host, move);
    if (now === null) return;
    const { then, share } = this.#relayed.get(move.moveId) ?? { then: 0, share: new WireShare() };
    if (now.guestBytes !== null)
      share.read(roundOf(info), { guestBytes: now.guestBytes, wireBytes: now.memoryBytes });
    this.#relayed.set(move.moveId, { then, now, share });
  }

  /** What the move has put on the wire: as last read, and what its relay, or else QEMU, has sent of its memory since. */
  wireBytes(move: MoveKey, info: MigrationInfo): WireBytes {
    const { disk, memory } = this.#wire.last(move);
    const relayed = this.#relayed.get(move.moveId);
    if (relayed !== undefined)
      return {
        disk,
        memory:
          memory === null
            ? relayed.now.memoryBytes
            : memory + Math.max(0, relayed.now.memoryBytes - relayed.then),
      };
    const sent = info.ram?.transferred ?? 0;
    const since = Math.max(0, sent - (this.#readings.get(move.moveId)?.sentBytes ?? 0));
    return { disk, memory: memory === null ? sent : memory + since };
  }

  /** What the move's relay, if it has one, had kept off the wire when it was asked last. */
  saved(move: MoveKey): SavedBytes | undefined {
    return this.#relayed.get(move.moveId)?.now.saved;
  }

  async #pace(
    qmp: QmpClient,
    move: MoveKey,
    progress: MemoryProgress,
    parameters: MigrationParameters,
  ): Promise<void> {
    const before = this.#samples.get(move.moveId);
    const now = { atMs: this.#host.now(), round: progress.round, remainingBytes: progress.remainingBytes };
    this.#samples.set(move.moveId, now);
    const cap = parameters['avail-switchover-bandwidth'];
    const wanted = choosePace(before, now, isTrickle(parameters), cap);
    if (wanted !== parameters['max-bandwidth'])
      await qmp.execute('migrate-set-parameters', { 'max-bandwidth': wanted });
  }

  /** End the memory copy of this move and let the guest run on, wherever it stood. Says nothing about who owns the desktop. */
  async cancel(move: MoveKey): Promise<void> {
    this.#forget(move);
    await this.cancelCopy(move.desktop, copyKeyOf(move));
  }

  /** The same for the copy of this key. */
  async cancelCopy(desktop: DesktopId, key: string): Promise<void> {
    const copy = await this.#host.runningDesktopIfAny(desktop);
    if (copy === null) return;
    const { qmp } = copy;
    if ((await memoryCopyOf(qmp)) !== key) return;
    await cancelMigration(qmp);
    await letRun(qmp);
    await qmp.execute('migrate-set-parameters', { 'tls-creds': '', 'tls-authz': '', 'tls-hostname': '' });
    await removeCredentials(qmp, `${CREDENTIALS}${key}`);
  }

  #forget(move: MoveKey): void {
    this.#samples.delete(move.moveId);
    this.#rates.delete(move.moveId);
    this.#readings.delete(move.moveId);
    this.#relayed.delete(move.moveId);
  }

  async #mustBeOurs(qmp: QmpClient, move: MoveKey): Promise<void> {
    const current = markOf(await migrationParameters(qmp));
    if (current !== memoryCredentials(move))
      throw new VmshadowError('MOVE_IN_PROGRESS', `desktop ${move.desktop} is being copied by another move`);
  }
}

function isTrickle(parameters: MigrationParameters): boolean {
  return parameters['max-bandwidth'] <= TRICKLE_BYTES_PER_SECOND;
}

const roundOf = ({ ram }: MigrationInfo): number => ram?.['dirty-sync-count'] ?? 0;

/** QEMU's rate of the last 100 ms says nothing once rounds are short: the link's is given instead. */
function progressOf(info: MigrationInfo, rate: number): Omit<MemoryProgress, 'wireBytes' | 'saved'> {
  const ram = info.ram;
  return {
    state: STATES[info.status ?? 'none'] ?? 'none',
    round: roundOf(info),
    remainingBytes: ram?.remaining ?? 0,
    totalBytes: ram?.total ?? 0,
    dirtyBytesPerSecond: (ram?.['dirty-pages-rate'] ?? 0) * (ram?.['page-size'] ?? 4096),
    bytesPerSecond: rate,
    error: info['error-desc'] ?? null,
  };
}
