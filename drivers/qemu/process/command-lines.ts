// The command lines of QEMU and of its storage daemon, as pure functions. Both ends of a move must get the same devices in the same
// order from the same definition: everything that the guest can see comes from the definition and the host's accelerator alone.
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { HostRef } from '../../../domain/model/ids.js';
import { distinguishedName } from '../../peers/pki.js';
import { deviceArguments, driveArguments, FIRMWARE_NODES, screenOf } from './devices.js';
import { driveFile, nameOf, type Drive, drivesOf } from './drives.js';
import type { CopyFiles, ReplicaServerFiles } from './layout.js';
import { openedPath, TAP_DESCRIPTOR } from './opened.js';

export type Accelerator = 'tcg' | 'kvm';

export const QEMU = 'qemu-system-x86_64';
export const STORAGE_DAEMON = 'qemu-storage-daemon';

export interface CopyCommand {
  readonly definition: DesktopDefinition;
  readonly files: CopyFiles;
  readonly accelerator: Accelerator;
  /** Wait for memory from a source, and stay paused with it. */
  readonly incoming: boolean;
}

/** QEMU's name for all that there is of a processor. */
export function wholeCpu(accelerator: Accelerator): string {
  return accelerator === 'kvm' ? 'host' : 'max';
}

/**
 * The CPU that guests see: a model by name, whole or not at all; else all there is: under TCG the same everywhere, under KVM the host's own
 * (compared in preflight, `HypervisorInfo`).
 */
function guestCpu({ cpu }: DesktopDefinition, accelerator: Accelerator): string {
  if (cpu !== undefined && cpu !== 'host') return `${cpu},enforce`;
  return wholeCpu(accelerator);
}

/** Render the command line of one copy of a desktop. */
export function qemuCommand(command: CopyCommand): string[] {
  const { definition, files, accelerator } = command;
  return [
    QEMU,
    ...['-name', `guest=${definition.id}`],
    ...['-nodefaults', '-no-user-config'],
    ...['-machine', machineOf(definition)],
    ...(definition.secureBoot === true ? SECURE_FLASH : []),
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi'],
    ...['-cpu', guestCpu(definition, accelerator)],
    ...['-m', String(definition.memoryMiB)],
    ...['-smp', String(definition.vcpus)],
    ...['-rtc', 'base=utc'],
    ...['-display', 'none', '-vga', screenOf(definition)],
    // The guest's NIC boots nothing: no option ROM, which would also have to be the same at both ends.
    // The tap, and kernel and initrd below, are opened before QEMU is a user of its own (opened.ts).
    ...['-netdev', `tap,id=net0,fd=${String(TAP_DESCRIPTOR)}`],
    ...['-device', `${nicOf(definition)},id=nic0,netdev=net0,mac=${definition.network.mac},romfile=`],
    ...drivesOf(definition).flatMap((drive) => nodes(drive, files.disk).flatMap((n) => ['-blockdev', n])),
    ...driveArguments(definition),
    ...deviceArguments(definition),
    ...tpmArguments(definition, files),
    ...agentArguments(definition, files),
    ...bootArguments(definition),
    // append=on lets the driver cut the log under a chatty guest (log-keeper.ts).
    ...['-chardev', `file,id=serial0,path=${escapeComma(files.serialLog)},append=on`],
    ...['-serial', 'chardev:serial0'],
    ...['-chardev', `socket,id=qmp0,path=${escapeComma(files.monitor)},server=on,wait=off`],
    ...['-mon', 'chardev=qmp0,mode=control'],
    ...['-pidfile', files.pidFile],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    // A guest that powers off leaves its process standing, so that it is told from a crash also by a worker that was away.
    '-no-shutdown',
    ...(command.incoming ? ['-S', '-incoming', 'defer'] : []),
  ];
}

/** The firmware's code and variables belong to the machine. */
function machineOf({ machine, firmware, secureBoot }: DesktopDefinition): string {
  if (firmware !== 'uefi') return machine;
  const smm = secureBoot === true ? ',smm=on' : '';
  return `${machine}${smm},pflash0=${FIRMWARE_NODES.code},pflash1=${FIRMWARE_NODES.vars}`;
}

/** Only the firmware itself, in system management mode, writes its variables: a guest's system cannot add a key. */
const SECURE_FLASH = ['-global', 'driver=cfi.pflash01,property=secure,value=on'];

function nicOf({ nic }: DesktopDefinition): string {
  return nic === 'e1000e' ? 'e1000e' : 'virtio-net-pci';
}

/** The block nodes of a drive, at source, target and storage daemon alike; `disk` is the file of the first. */
function nodes(drive: Drive, disk: string): string[] {
  const path = escapeComma(driveFile(disk, drive));
  return [
    `driver=file,node-name=${drive.fileNode},filename=${path},discard=unmap`,
    `driver=raw,node-name=${drive.node},file=${drive.fileNode},discard=unmap`,
  ];
}

/** Its state is in the memory stream: QEMU asks its process for it, and gives it to the one at the target. */
function tpmArguments({ tpm }: DesktopDefinition, files: CopyFiles): string[] {
  if (tpm !== true) return [];
  return [
    ...['-chardev', `socket,id=tpmctl,path=${escapeComma(files.tpm.socket)}`],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=tpmctl', '-device', 'tpm-crb,tpmdev=tpm0'],
  ];
}

/** The port by which the guest's agent is asked (guest-agent.ts). */
function agentArguments({ guestAgent }: DesktopDefinition, files: CopyFiles): string[] {
  if (guestAgent !== true) return [];
  return [
    ...['-device', 'virtio-serial-pci,id=ports0'],
    ...['-chardev', `socket,id=agent0,path=${escapeComma(files.agent)},server=on,wait=off`],
    ...['-device', 'virtserialport,bus=ports0.0,chardev=agent0,name=org.qemu.guest_agent.0'],
  ];
}

/** A guest with a kernel of its own reboots as it likes; with a given one, a reboot (or panic) is its end, as for a container. */
function bootArguments({ boot }: DesktopDefinition): string[] {
  if (boot.kind === 'disk') return [];
  return [
    '-no-reboot',
    ...['-kernel', openedPath(0)],
    ...(boot.initrd === undefined ? [] : ['-initrd', openedPath(1)]),
    ...['-append', boot.append],
  ];
}

/** A TCP port that lets in one host alone. */
interface TlsPort {
  readonly address: string;
  readonly port: number;
  /** Folder of this host's certificates (drivers/peers/pki.ts). */
  readonly pkiDir: string;
  /** The move's source: no other host is let in. */
  readonly from: HostRef;
}

export interface ReplicaServerCommand {
  /** File of the first disk; the others lie beside it. */
  readonly disk: string;
  readonly drives: readonly Drive[];
  readonly files: ReplicaServerFiles;
  /** Where it is reached from outside, or by this host's relay. */
  readonly at: TlsPort | { readonly socket: string };
  /** Of the first disk's export; the others are named after it. */
  readonly exportName: string;
}

/** Render the command line of the storage daemon that takes a move's disk: NBD over TLS, for the move's source only, or for this host's relay. */
export function storageDaemonCommand(command: ReplicaServerCommand): string[] {
  const { files, at } = command;
  return [
    STORAGE_DAEMON,
    ...('socket' in at
      ? []
      : [
          '--object',
          `tls-creds-x509,id=tls0,dir=${escapeComma(at.pkiDir)},endpoint=server,verify-peer=on`,
          '--object',
          `authz-simple,id=source,identity=${escapeComma(distinguishedName(at.from))}`,
        ]),
    ...command.drives.flatMap((drive) => nodes(drive, command.disk).flatMap((n) => ['--blockdev', n])),
    ...[
      '--nbd-server',
      'socket' in at
        ? `addr.type=unix,addr.path=${escapeComma(at.socket)}`
        : `addr.type=inet,addr.host=${at.address},addr.port=${at.port},tls-creds=tls0,tls-authz=source`,
    ],
    ...command.drives.flatMap((drive) => [
      '--export',
      `nbd,id=${nameOf('replica', drive)},node-name=${drive.node},name=${nameOf(command.exportName, drive)},writable=on`,
    ]),
    ...['--chardev', `socket,id=qmp0,path=${escapeComma(files.monitor)},server=on,wait=off`],
    ...['--monitor', 'chardev=qmp0'],
    ...['--pidfile', files.pidFile],
  ];
}

/** A comma ends a value in QEMU's option syntax; doubled, it is one. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}
