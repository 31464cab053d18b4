// The QEMU driver: every call of the hypervisor port, put together from the files beside it. Calls that change a desktop's files or
// processes take that desktop's lock; those of a running move, which may wait long, do not, and `cutLink` never waits for anybody.
import type {
  CopyProgress,
  DesktopRuntime,
  DiskTarget,
  MovesHere,
  Hypervisor,
  HypervisorInfo,
  MemoryProgress,
  MoveKey,
  SwitchoverResult,
} from '../../ports/hypervisor.js';
import type { DirtyRates } from '../../domain/migration/dirty-rates.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import type { DesktopId, HostRef } from '../../domain/model/ids.js';
import type { MachineResources } from '../../domain/model/real-room.js';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { activate } from './target/activation.js';
import {
  createDesktop,
  getDesktop,
  listDesktops,
  redefineDesktop,
  removeDesktop,
  resumeDesktop,
  startDesktop,
  stopDesktop,
} from './process/desktops.js';
import {
  cancelDiskCopy,
  diskProgress,
  isReplicaOf,
  makeSynchronous,
  startDiskCopy,
} from './source/disk-copy.js';
import { movesHere } from './source/moves-here.js';
import { DirtyRateMeter } from './process/dirty-rates.js';
import { drivesOf } from './process/drives.js';
import { guestAddresses, setGuestClock } from './process/guest-agent.js';
import { describeHypervisor } from './process/info.js';
import { confirmComplete, discardTarget, prepareDisk, prepareMemory } from './target/incoming.js';
import { QemuHost, type DriverLogger, type QemuOptions } from './process/qemu-host.js';
import { prepareFolders } from './process/folders.js';
import { copyKeyOf } from './process/layout.js';
import { machineResources } from './process/resources.js';
import { LogKeeper } from './process/log-keeper.js';
import { MemoryCopies } from './source/memory-copy.js';
import { hashRetired, removeRetired, retireSource } from './source/retired.js';
import { switchover } from './source/switchover.js';
import { relayedSoFar } from './process/relay.js';
import { WireMeter } from './source/wire-meter.js';
import { dropView, hasView, hashView } from './target/disk-view.js';
import { yank } from './qmp/yank.js';

export interface QemuDriverOptions extends QemuOptions {
  readonly logger: DriverLogger;
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
}

export class QemuHypervisor implements Hypervisor {
  readonly #host: QemuHost;
  readonly #wire: WireMeter;
  readonly #memory: MemoryCopies;
  readonly #dirtyRates: DirtyRateMeter;
  readonly #logs: LogKeeper;

  constructor({ logger, now, ...options }: QemuDriverOptions) {
    this.#host = new QemuHost(options, logger, now ?? (() => Date.now()));
    this.#wire = new WireMeter();
    this.#memory = new MemoryCopies(this.#host, this.#wire);
    this.#dirtyRates = new DirtyRateMeter(this.#host);
    this.#logs = new LogKeeper({
      folder: this.#host.layout.logsFolder,
      onProblem: (error) => logger.warn({ error: messageOf(error) }, 'logs of desktops could not be cut'),
    });
  }

  /** Keep the logs of this host small from now on. Every call of the port also works without. */
  open(): void {
    this.#logs.start();
  }

  /** Leave the logs alone and hang up all monitors, so that another worker can take them. Desktops and moves go on. */
  async close(): Promise<void> {
    await this.#logs.stop();
    await this.#host.monitors.close();
  }

  info(): Promise<HypervisorInfo> {
    return describeHypervisor(this.#host);
  }

  async resources(): Promise<MachineResources> {
    await prepareFolders(this.#host);
    return machineResources(this.#host.layout.disksFolder);
  }

  create(
    definition: DesktopDefinition,
    tap: string,
    image: string | null,
    onProgress: (doneBytes: number, totalBytes: number) => void = () => undefined,
    signal: AbortSignal | null = null,
  ): Promise<void> {
    const watch = { onProgress, signal };
    return this.#locked(definition.id, () => createDesktop(this.#host, definition, tap, image, watch));
  }

  start(desktop: DesktopId): Promise<void> {
    return this.#locked(desktop, () => startDesktop(this.#host, desktop));
  }

  stop(desktop: DesktopId, graceMs: number): Promise<void> {
    return this.#locked(desktop, () => stopDesktop(this.#host, desktop, graceMs));
  }

  redefine(definition: DesktopDefinition): Promise<void> {
    return this.#locked(definition.id, () => redefineDesktop(this.#host, definition));
  }

  remove(desktop: DesktopId): Promise<void> {
    return this.#locked(desktop, () => removeDesktop(this.#host, desktop));
  }

  list(): Promise<DesktopRuntime[]> {
    return listDesktops(this.#host);
  }

  get(desktop: DesktopId): Promise<DesktopRuntime | null> {
    return getDesktop(this.#host, desktop);
  }

  dirtyRates(desktop: DesktopId): Promise<DirtyRates> {
    return this.#dirtyRates.rates(desktop);
  }

  setClock(desktop: DesktopId): Promise<number | null> {
    return setGuestClock(this.#host, desktop);
  }

  addresses(desktop: DesktopId): Promise<readonly string[] | null> {
    return guestAddresses(this.#host, desktop);
  }

  resume(desktop: DesktopId): Promise<void> {
    return this.#locked(desktop, () => resumeDesktop(this.#host, desktop));
  }

  prepareDisk(move: MoveKey, definition: DesktopDefinition, from: HostRef): Promise<DiskTarget> {
    return this.#locked(move.desktop, () => prepareDisk(this.#host, move, definition, from));
  }

  prepareMemory(move: MoveKey, definition: DesktopDefinition, tap: string, from: HostRef): Promise<Endpoint> {
    return this.#locked(move.desktop, () => prepareMemory(this.#host, move, definition, tap, from));
  }

  confirmComplete(move: MoveKey): Promise<void> {
    return this.#locked(move.desktop, () => confirmComplete(this.#host, move));
  }

  activate(move: MoveKey, snapshot: boolean): Promise<void> {
    return this.#locked(move.desktop, () => activate(this.#host, move, snapshot));
  }

  discardTarget(move: MoveKey): Promise<void> {
    return this.#locked(move.desktop, () => discardTarget(this.#host, move));
  }

  async hashSnapshot(move: MoveKey, signal: AbortSignal): Promise<string> {
    const { qmp, record } = await this.#host.runningDesktop(move.desktop);
    const key = copyKeyOf(move);
    if (record.copy === key && record.viewSha256 !== null) return record.viewSha256;
    if (record.copy !== key || !(await hasView(qmp, drivesOf(record.definition))))
      throw new VmshadowError(
        'DISK_COPY',
        `there is no view of the disk of ${move.desktop} as it was at move ${move.moveId}: the move cannot be verified any more`,
      );
    const drives = drivesOf(record.definition);
    const sha256 = await hashView(this.#host, qmp, move.desktop, key, drives, signal);
    // Written down first: whoever asks again gets the same answer although the view is gone.
    await this.#locked(move.desktop, async () => {
      const now = await this.#host.desktop(move.desktop);
      await this.#host.records.desktops.put(move.desktop, { ...now, viewSha256: sha256 });
    });
    await dropView(this.#host, qmp, move.desktop, key);
    return sha256;
  }

  startDiskCopy(move: MoveKey, target: DiskTarget, mbps: number): Promise<void> {
    return this.#locked(move.desktop, async () => {
      // A view that nobody has read since the last move stands in the mirror's way.
      const { qmp, record } = await this.#host.runningDesktop(move.desktop);
      await dropView(this.#host, qmp, move.desktop, record.copy);
      await startDiskCopy(this.#host, move, target, mbps);
      this.#wire.watch(move, 'disk', target.endpoint);
    });
  }

  async diskProgress(move: MoveKey): Promise<CopyProgress> {
    const [job, wire, relayed] = await Promise.all([
      diskProgress(this.#host, move),
      this.#wire.read(move),
      relayedSoFar(this.#host, move),
    ]);
    return { ...job, wireBytes: wire.disk, saved: relayed?.saved };
  }

  makeSynchronous(move: MoveKey, signal: AbortSignal): Promise<void> {
    return makeSynchronous(this.#host, move, signal);
  }

  startMemoryCopy(move: MoveKey, target: Endpoint, mbps: number): Promise<void> {
    return this.#locked(move.desktop, () => this.#memory.start(move, target, mbps));
  }

  memoryProgress(move: MoveKey): Promise<MemoryProgress> {
    return this.#memory.progress(move);
  }

  switchover(
    move: MoveKey,
    pauseBudgetMs: number,
    onStopped: (stoppedAtMs: number) => void,
    signal: AbortSignal,
  ): Promise<SwitchoverResult> {
    return switchover(this.#host, this.#memory, move, pauseBudgetMs, onStopped, signal);
  }

  cancelMemoryCopy(move: MoveKey): Promise<void> {
    return this.#memory.cancel(move);
  }

  cancelDiskCopy(move: MoveKey): Promise<void> {
    this.#wire.forget(move);
    return cancelDiskCopy(this.#host, move.desktop, copyKeyOf(move));
  }

  moves(desktop?: DesktopId): Promise<MovesHere> {
    return movesHere(this.#host, desktop);
  }

  async endCopies(desktop: DesktopId, copies: readonly string[]): Promise<void> {
    for (const key of copies) {
      await this.#memory.cancelCopy(desktop, key);
      await cancelDiskCopy(this.#host, desktop, key);
    }
  }

  async cutLink(move: MoveKey): Promise<void> {
    const copy = await this.#host.runningDesktopIfAny(move.desktop);
    if (copy !== null) await yank(copy.qmp, { isNode: isReplicaOf(move), migration: true });
  }

  retireSource(move: MoveKey): Promise<void> {
    this.#wire.forget(move);
    return this.#locked(move.desktop, () => retireSource(this.#host, move));
  }

  hashRetired(move: MoveKey, signal: AbortSignal): Promise<string> {
    return hashRetired(this.#host, move, signal);
  }

  removeRetired(move: MoveKey): Promise<void> {
    return this.#locked(move.desktop, () => removeRetired(this.#host, move));
  }

  #locked<T>(desktop: DesktopId, work: () => Promise<T>): Promise<T> {
    return this.#host.locked(desktop, work);
  }
}
