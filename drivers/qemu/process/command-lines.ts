// The command lines of QEMU and of its storage daemon, as pure functions. Both ends of a move must get the same devices in the same
// order from the same definition: everything that the guest can see comes from the definition and the host's accelerator alone.
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { HostRef } from '../../../domain/model/ids.js';
import { distinguishedName } from '../../peers/pki.js';
import type { CopyFiles, ReplicaServerFiles } from './layout.js';
import { openedPath, TAP_DESCRIPTOR } from './opened.js';

export type Accelerator = 'tcg' | 'kvm';

export const QEMU = 'qemu-system-x86_64';
export const STORAGE_DAEMON = 'qemu-storage-daemon';
/** Node name of a desktop's disk in its QEMU. */
export const DISK_NODE = 'disk0';
/** Device through which the guest sees it. */
export const DISK_DEVICE = 'vd0';

export interface CopyCommand {
  readonly definition: DesktopDefinition;
  readonly files: CopyFiles;
  readonly accelerator: Accelerator;
  /** Wait for memory from a source, and stay paused with it. */
  readonly incoming: boolean;
}

/** The CPU that guests see: under TCG the same everywhere; under KVM the host's own (compared in preflight, `HypervisorInfo.cpuModel`). */
function guestCpu(accelerator: Accelerator): string {
  return accelerator === 'kvm' ? 'host' : 'max';
}

/** Render the command line of one copy of a desktop. */
export function qemuCommand(command: CopyCommand): string[] {
  const { definition, files, accelerator } = command;
  return [
    QEMU,
    ...['-name', `guest=${definition.id}`],
    ...['-nodefaults', '-no-user-config'],
    ...['-machine', definition.machine],
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi'],
    ...['-cpu', guestCpu(accelerator)],
    ...['-m', String(definition.memoryMiB)],
    ...['-smp', String(definition.vcpus)],
    ...['-rtc', 'base=utc'],
    ...['-display', 'none', '-vga', definition.boot.kind === 'disk' ? 'std' : 'none'],
    // The guest's NIC boots nothing: no option ROM, which would also have to be the same at both ends.
    // The tap, and kernel and initrd below, are opened before QEMU is a user of its own (opened.ts).
    ...['-netdev', `tap,id=net0,fd=${String(TAP_DESCRIPTOR)}`],
    ...['-device', `virtio-net-pci,id=nic0,netdev=net0,mac=${definition.network.mac},romfile=`],
    ...['-blockdev', `driver=file,node-name=file0,filename=${escapeComma(files.disk)},discard=unmap`],
    ...['-blockdev', `driver=raw,node-name=${DISK_NODE},file=file0,discard=unmap`],
    // A kernel given directly takes boot index 0.
    ...['-device', `virtio-blk-pci,id=${DISK_DEVICE},drive=${DISK_NODE},bootindex=1`],
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

export interface ReplicaServerCommand {
  readonly disk: string;
  readonly files: ReplicaServerFiles;
  readonly address: string;
  readonly port: number;
  readonly exportName: string;
  /** Folder of this host's certificates (drivers/peers/pki.ts). */
  readonly pkiDir: string;
  /** The move's source: no other host is let in. */
  readonly from: HostRef;
}

/** Render the command line of the storage daemon that takes a move's disk: NBD over TLS, for the move's source only. */
export function storageDaemonCommand(command: ReplicaServerCommand): string[] {
  const { files } = command;
  return [
    STORAGE_DAEMON,
    ...[
      '--object',
      `tls-creds-x509,id=tls0,dir=${escapeComma(command.pkiDir)},endpoint=server,verify-peer=on`,
      '--object',
      `authz-simple,id=source,identity=${escapeComma(distinguishedName(command.from))}`,
    ],
    ...[
      '--blockdev',
      `driver=file,node-name=file0,filename=${escapeComma(command.disk)},discard=unmap`,
      '--blockdev',
      `driver=raw,node-name=${DISK_NODE},file=file0,discard=unmap`,
    ],
    ...[
      '--nbd-server',
      `addr.type=inet,addr.host=${command.address},addr.port=${command.port},tls-creds=tls0,tls-authz=source`,
    ],
    ...['--export', `nbd,id=replica,node-name=${DISK_NODE},name=${command.exportName},writable=on`],
    ...['--chardev', `socket,id=qmp0,path=${escapeComma(files.monitor)},server=on,wait=off`],
    ...['--monitor', 'chardev=qmp0'],
    ...['--pidfile', files.pidFile],
  ];
}

/** A comma ends a value in QEMU's option syntax; doubled, it is one. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}
