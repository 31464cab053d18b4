// What all parts of the driver share: configuration, file layout, monitors, the accelerator, and one lock a desktop that keeps calls of
// different activities from interleaving. Finding a copy's process and its monitor lives here too.
import { z } from 'zod';
import { Ipv4, Port } from '../../../domain/model/address.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { VmshadowError, hasCode } from '../../../domain/errors.js';
import { parseInput } from '../../../domain/model/parse.js';
import type { HostCpu } from '../../../domain/model/cpu.js';
import { chooseAccelerator } from './accelerator.js';
import type { Accelerator } from './command-lines.js';
import { readHostCpu } from './cpu-facts.js';
import { findProcess, type HostProcess } from '../../../os/host-process.js';
import { giveFile, mustReach, RunAs } from '../../../os/run-as.js';
import { KeyedMutex } from '../../../os/keyed-mutex.js';
import { Layout, type CopyFiles } from './layout.js';
import { Monitors } from '../qmp/monitors.js';
import type { CommandOptions, QmpClient } from '../qmp/qmp-client.js';
import { qemuRecords, type DesktopRecord, type QemuRecords } from './records.js';

export const QemuOptions = z.object({
  /** Durable: disks, definitions, records of moves. */
  stateDir: z.string().min(1),
  /** Sockets and pid files; short, e.g. /run/vmshadow. */
  runDir: z.string().min(1),
  /** Where relative names of images, kernels and initrds are looked for; no desktop is made from, or boots, what lies elsewhere. */
  imageDir: z.string().min(1),
  /** But in these. */
  images: z.array(z.string().min(1)).default([]),
  /** As whom QEMU and its storage daemons run; null: as root. */
  runAs: RunAs.nullable().default(null),
  accel: z.enum(['tcg', 'kvm', 'auto']).default('auto'),
  /** This host's certificates, as `issueHost` of drivers/peers/pki.ts makes them. */
  pki: z.object({ dir: z.string().min(1) }),
  /** Address and TCP ports at which sources deliver: two ports a move. */
  incoming: z.object({
    address: Ipv4,
    ports: z
      .object({ first: Port, last: Port })
      .refine((p) => p.last > p.first, 'expected at least two ports'),
  }),
  /** How a relay is started (`vmshadow relay`), and whether this host asks for one where it is the target; null: it has none. */
  relay: z
    .object({
      command: z.array(z.string()).min(1),
      wanted: z.boolean(),
      cacheMiB: z.number().int().positive(),
    })
    .nullable()
    .default(null),
});
export type QemuOptions = z.input<typeof QemuOptions>;

/** The part of pino's logger that the driver uses. */
export interface DriverLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RunningCopy {
  readonly process: HostProcess;
  readonly qmp: QmpClient;
}

export class QemuHost {
  readonly options: z.output<typeof QemuOptions>;
  readonly layout: Layout;
  readonly records: QemuRecords;
  readonly monitors = new Monitors();
  readonly log: DriverLogger;
  readonly now: () => number;
  readonly #locks = new KeyedMutex();
  #reachable = false;
  #accelerator: Promise<Accelerator> | null = null;
  #cpu: { version: string; facts: Promise<HostCpu> } | null = null;

  constructor(options: QemuOptions, log: DriverLogger, now: () => number) {
    this.options = parseInput(QemuOptions, options, 'options of the QEMU driver', 'CONFIG_INVALID');
    this.layout = new Layout(this.options.stateDir, this.options.runDir);
    this.records = qemuRecords(this.layout);
    this.log = log;
    this.now = now;
  }

  /** The accelerator of this host, probed once. */
  accelerator(): Promise<Accelerator> {
    this.#accelerator ??= chooseAccelerator(this.options.accel, this.options.runAs);
    return this.#accelerator;
  }

  /** What this host's QEMU can give of its processor: asked once for each version that is installed. */
  cpu(version: string): Promise<HostCpu> {
    if (this.#cpu?.version !== version) {
      const { runAs } = this.options;
      const facts = this.accelerator().then((accel) => readHostCpu(accel, runAs));
      this.#cpu = { version, facts };
      void facts.catch(() => {
        this.#cpu = null;
      });
    }
    return this.#cpu.facts;
  }

  /** Throw CONFIG_INVALID where the user as whom QEMU runs cannot reach its folders; asked until they were. */
  async mustBeReachable(): Promise<void> {
    const { runAs } = this.options;
    if (runAs === null || this.#reachable) return;
    for (const folder of [this.layout.runDir, this.layout.disksFolder]) await mustReach(runAs, folder);
    this.#reachable = true;
  }

  /** Give a file to the user as whom QEMU runs, and to nobody else. */
  giveToQemu(path: string): Promise<void> {
    return giveFile(this.options.runAs, path);
  }

  /** Run `work` when everything else under `key` has ended. */
  locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.runExclusive(key, work);
  }

  /** The record of a desktop of this host; throws UNKNOWN_DESKTOP. */
  async desktop(id: DesktopId): Promise<DesktopRecord> {
    const record = await this.records.desktops.get(id);
    if (record === null)
      throw new VmshadowError(
        'UNKNOWN_DESKTOP',
        `this host has no desktop ${id}; \`vmshadow desktop list\` shows where it is`,
      );
    return record;
  }

  /** The process and monitor of a copy; null when it has no process. Throws QMP_LOST when the process does not answer. */
  async findCopy(files: CopyFiles, name: string, options?: CommandOptions): Promise<RunningCopy | null> {
    const process = await findProcess(files.pidFile);
    if (process === null) {
      await this.monitors.drop(files.monitor);
      return null;
    }
    return { process, qmp: await this.monitors.get(files.monitor, name, options) };
  }

  /** The running process of a desktop of this host; throws DESKTOP_DOWN when there is none. */
  async runningDesktop(id: DesktopId): Promise<RunningCopy & { record: DesktopRecord }> {
    const record = await this.desktop(id);
    const copy = await this.findCopy(this.layout.copy(id, record.copy), id);
    if (copy === null)
      throw new VmshadowError('DESKTOP_DOWN', `desktop ${id} has no process on this host; start it first`);
    return { ...copy, record };
  }

  /** The same, for what undoes: a desktop that has gone, or has no process, has nothing to undo. */
  async runningDesktopIfAny(id: DesktopId): Promise<RunningCopy | null> {
    try {
      return await this.runningDesktop(id);
    } catch (error) {
      if (hasCode(error, 'DESKTOP_DOWN') || hasCode(error, 'UNKNOWN_DESKTOP')) return null;
      throw error;
    }
  }
}
