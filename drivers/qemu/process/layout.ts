// Where the driver keeps its files. Durable ones lie under `stateDir`, sockets and pid files under `runDir` (cleared by a reboot, as the
// processes are). A *copy* is one instance of a desktop on this host: the one made here (`home`) or one that came with a move. Its key is
// in all its names, so that files never have to be renamed under a running QEMU.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { MoveKey } from '../../../ports/hypervisor.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import { parseInput } from '../../../domain/model/parse.js';

/** Files and sockets of one copy of a desktop. */
export interface CopyFiles {
  readonly disk: string;
  readonly serialLog: string;
  readonly processLog: string;
  readonly pidFile: string;
  readonly monitor: string;
  readonly tpm: TpmFiles;
  /** Socket of the port of the guest's agent. */
  readonly agent: string;
}

/** Of a copy with a TPM: what it keeps (a folder), and its process's. */
export interface TpmFiles {
  readonly state: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly log: string;
}

/** Files and sockets of a move's storage daemon. */
export interface ReplicaServerFiles {
  readonly pidFile: string;
  readonly monitor: string;
  readonly log: string;
}

/** Files and sockets of one end of a move's relay. */
export interface RelayFiles {
  readonly pidFile: string;
  readonly status: string;
  /** At the source the relay listens there, at the target the program that takes the stream. */
  readonly disk: string;
  readonly memory: string;
  /** Where no relay comes. */
  readonly nobody: string;
  readonly log: string;
}

/** sockaddr_un's path holds 108 bytes with the final zero (unix(7)). */
const UNIX_PATH_BYTES = 107;
/** `/` + desktop id (32) + `.` + key (12) + `.view`, the longest name that we make. */
const LONGEST_NAME_BYTES = 51;
export const HOME_COPY = 'home';

const MoveId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    "a move id must be 1 to 64 of letters, digits, '.', '_' and '-'",
  );

/** Name a move's own files and records on a host. */
export function moveName(move: MoveKey): string {
  return `${move.desktop}.${copyKeyOf(move)}`;
}

/** Give the copy key of a move; throw INPUT_INVALID for an id that could not be a file name. */
export function copyKeyOf(move: MoveKey): string {
  const moveId = parseInput(MoveId, move.moveId, `move of ${move.desktop}`);
  return createHash('sha256').update(moveId).digest('hex').slice(0, 12);
}

export class Layout {
  readonly stateDir: string;
  readonly runDir: string;

  constructor(stateDir: string, runDir: string) {
    if (Buffer.byteLength(runDir) + LONGEST_NAME_BYTES > UNIX_PATH_BYTES)
      throw new VmshadowError(
        'CONFIG_INVALID',
        `runDir ${runDir} is too long: unix sockets below it would exceed ${UNIX_PATH_BYTES} bytes; choose one of at most ` +
          `${UNIX_PATH_BYTES - LONGEST_NAME_BYTES}, such as /run/vmshadow`,
      );
    this.stateDir = stateDir;
    this.runDir = runDir;
  }

  /** Folders below `stateDir` that are the driver's alone. */
  get folders(): readonly string[] {
    return ['desktops', 'incoming', 'retired'].map((f) => join(this.stateDir, f));
  }

  /** Those with files of QEMU's, which may pass through them and no more. */
  get sharedFolders(): readonly string[] {
    return [...['disks', 'tpm', 'logs', 'views'].map((f) => join(this.stateDir, f)), this.certificatesFolder];
  }

  /** Copies of this host's certificates, each for as long as QEMU reads it. */
  get certificatesFolder(): string {
    return join(this.stateDir, 'tls');
  }

  get desktopsFolder(): string {
    return join(this.stateDir, 'desktops');
  }

  get disksFolder(): string {
    return join(this.stateDir, 'disks');
  }

  get logsFolder(): string {
    return join(this.stateDir, 'logs');
  }

  get incomingFolder(): string {
    return join(this.stateDir, 'incoming');
  }

  get retiredFolder(): string {
    return join(this.stateDir, 'retired');
  }

  retiredDisk(move: MoveKey): string {
    return join(this.retiredFolder, `${moveName(move)}.raw`);
  }

  retiredTpm(move: MoveKey): string {
    return join(this.retiredFolder, `${moveName(move)}.tpm`);
  }

  copy(desktop: DesktopId, key: string): CopyFiles {
    const name = `${desktop}.${key}`;
    return {
      disk: join(this.disksFolder, `${name}.raw`),
      serialLog: join(this.stateDir, 'logs', `${name}.serial.log`),
      processLog: join(this.stateDir, 'logs', `${name}.qemu.log`),
      pidFile: join(this.runDir, `${name}.pid`),
      monitor: join(this.runDir, `${name}.qmp`),
      tpm: {
        state: join(this.stateDir, 'tpm', name),
        socket: join(this.runDir, `${name}.tpm`),
        pidFile: join(this.runDir, `${name}.tpmp`),
        log: join(this.stateDir, 'logs', `${name}.tpm.log`),
      },
      agent: join(this.runDir, `${name}.agt`),
    };
  }

  replicaServer(move: MoveKey): ReplicaServerFiles {
    const name = moveName(move);
    return {
      pidFile: join(this.runDir, `${name}.nbdp`),
      monitor: join(this.runDir, `${name}.nbdq`),
      log: join(this.stateDir, 'logs', `${name}.nbd.log`),
    };
  }

  relay(desktop: DesktopId, key: string): RelayFiles {
    const name = `${desktop}.${key}`;
    return {
      pidFile: join(this.runDir, `${name}.rlp`),
      status: join(this.runDir, `${name}.rls`),
      disk: join(this.runDir, `${name}.rld`),
      memory: join(this.runDir, `${name}.rlm`),
      nobody: join(this.runDir, `${name}.rlx`),
      log: join(this.stateDir, 'logs', `${name}.relay.log`),
    };
  }

  /** Overlay file and socket of the view of the disk as it was at `activate`. */
  view(desktop: DesktopId, key: string): { overlay: string; socket: string } {
    const name = `${desktop}.${key}`;
    return {
      overlay: join(this.stateDir, 'views', `${name}.qcow2`),
      socket: join(this.runDir, `${name}.view`),
    };
  }
}

/** The site cache of a host, which all relays of it share. */
export function cacheFolder(stateDir: string): string {
  return join(stateDir, 'cache');
}
