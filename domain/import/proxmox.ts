// A virtual machine of Proxmox VE (/etc/pve/qemu-server/ID.conf, qm.conf(5)) as a desktop. Its lines up to the first section are what the
// machine is now; sections are snapshots and pending changes. What has no place in a desktop's definition is left out and told.
import { invalidInput } from '../model/parse.js';
import {
  busFrom,
  cpuFrom,
  firmwareAnew,
  fitting,
  idFrom,
  machineFrom,
  mebibytes,
  nicAdded,
  nicFrom,
  secureBootOn,
  tpmAnew,
  type Imported,
  type ImportedDisk,
} from './imported.js';

/** Of Proxmox itself, or the same for every desktop. */
const PLAIN =
  /^(autostart|bootdisk|ciupgrade|cpulimit|cpuunits|description|digest|hotplug|meta|name|onboot|ostype|parent|protection|rng0|scsihw|serial\d|smbios1|startup|tags|template|unused\d+|vmgenid|vmstatestorage|localtime|kvm|acpi|freeze|lock|snaptime|running-nets-host-mtu)$/;
const DISK = /^(ide|sata|scsi|virtio)(\d+)$/;

interface Line {
  readonly key: string;
  readonly value: string;
}
/** `a,b=c`: what stands first without a name, and the named parts. */
interface Parts {
  readonly first: string;
  readonly named: ReadonlyMap<string, string>;
}

/** Read a configuration; throws INPUT_INVALID with all that makes it no desktop. */
export function importProxmox(text: string): Imported {
  const problems: string[] = [];
  const changed: string[] = [];
  const leftOut: string[] = [];
  const lines = readLines(text, problems, leftOut);
  const values = new Map(lines.map(({ key, value }) => [key, value]));
  const known = new Set<string>();
  const value = (key: string): string | undefined => {
    known.add(key);
    return values.get(key);
  };
  const number = (key: string, otherwise: number): number => {
    const found = value(key);
    if (found === undefined) return otherwise;
    if (/^\d{1,6}$/.test(found)) return Number(found);
    problems.push(`${key}: expected a number, found ${found}`);
    return otherwise;
  };

  const arch = value('arch');
  if (arch !== undefined && arch !== 'x86_64') problems.push(`arch is ${arch}, expected x86_64`);
  const cores = number('cores', 1) * number('sockets', 1);
  const vcpus = number('vcpus', cores);
  if (vcpus < 1 || vcpus > 64) problems.push(`${String(vcpus)} CPUs: expected 1 to 64`);
  const memory = partsOf(value('memory') ?? '512');
  const memoryMiB = mebibytes(memory.named.get('current') ?? memory.first, 'MiB');
  if (memoryMiB === null) problems.push('memory: expected a size in MiB');
  const machine = partsOf(value('machine') ?? 'pc');
  const type = (machine.named.get('type') ?? machine.first).replace(/\+pve\d+$/, '');
  for (const [name, part] of machine.named) if (name !== 'type') leftOut.push(`machine ${name}=${part}`);
  const newMachine = machineFrom(machineName(type), changed);
  const uefi = value('bios') === 'ovmf';
  let secureBoot = false;
  if (uefi || values.has('efidisk0')) {
    const keys = partsOf(value('efidisk0') ?? '').named.get('pre-enrolled-keys');
    if (uefi) firmwareAnew(changed);
    secureBoot = uefi && keys === '1' && secureBootOn(newMachine, changed);
  }
  // Where nothing is said Proxmox gives `kvm64`.
  const cpuParts = partsOf(value('cpu') ?? 'kvm64');
  for (const [name, part] of cpuParts.named) if (name !== 'cputype') leftOut.push(`cpu ${name}=${part}`);
  const cpu = cpuFrom(cpuParts.named.get('cputype') ?? cpuParts.first, changed);
  if (value('localtime') === '1' || (value('ostype') ?? '').startsWith('w'))
    changed.push("the machine's clock is UTC (was local time): in Windows set RealTimeIsUniversal");

  const { disks, cdrom } = readDisks(lines, known, changed, leftOut);
  if (disks.length === 0) problems.push('no disk that a desktop could have');
  const nic = readNic(lines, known, changed);
  const vga = partsOf(value('vga') ?? 'std');
  const screen = vga.named.get('type') ?? vga.first;
  const display =
    screen === 'none' || screen.startsWith('serial')
      ? 'none'
      : screen.startsWith('virtio')
        ? 'virtio'
        : 'std';
  if (display === 'std' && screen !== 'std') changed.push(`the screen is a standard VGA one (was ${screen})`);
  if (problems.length > 0) throw invalidInput('the Proxmox file', problems);
  value('boot');
  const usbTablet = (value('tablet') ?? '1') === '1';
  const state = value('tpmstate0');
  const tpm =
    state !== undefined && tpmAnew((partsOf(state).named.get('version') ?? '').replace(/^v/, ''), changed);
  const agent = partsOf(value('agent') ?? '0');
  leftOut.push(
    ...lines
      .filter(({ key }) => !known.has(key) && !PLAIN.test(key))
      .map(({ key, value: text_ }) => `${key}: ${text_}`),
  );
  return {
    id: idFrom(value('name') ?? ''),
    vcpus,
    memoryMiB: memoryMiB ?? 0,
    machine: newMachine,
    firmware: uefi ? 'uefi' : 'bios',
    secureBoot,
    nic,
    cpu,
    disks: fitting(inBootOrder(disks, values), leftOut),
    cdrom,
    display,
    usbTablet,
    tpm,
    guestAgent: (agent.named.get('enabled') ?? agent.first) === '1',
    boot: null,
    changed,
    leftOut,
  };
}

/** Plain names are aliases of the newest. */
const machineName = (type: string) =>
  type === 'pc' || type === 'i440fx' ? '' : type === 'q35' ? 'pc-q35-10.0' : type;

function readLines(text: string, problems: string[], leftOut: string[]): Line[] {
  const lines: Line[] = [];
  let section: string | null = null;
  text.split(/\r?\n/).forEach((line, i) => {
    const name = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (name !== undefined) {
      section = name;
      leftOut.push(name.toUpperCase() === 'PENDING' ? 'changes that are pending' : `the snapshot ${name}`);
    }
    if (name !== undefined || section !== null || line.trim() === '' || line.startsWith('#')) return;
    const [, key, value] = /^([a-z][a-z_-]*\d*):(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined)
      problems.push(`line ${String(i + 1)}: expected KEY: VALUE, found ${JSON.stringify(line.slice(0, 60))}`);
    else lines.push({ key, value: value.trim() });
  });
  return lines;
}

function partsOf(value: string): Parts {
  const named = new Map<string, string>();
  let first = '';
  value.split(',').forEach((part, i) => {
    const at = part.indexOf('=');
    if (at < 0) {
      if (i === 0) first = part;
      else named.set(part, '');
    } else named.set(part.slice(0, at), part.slice(at + 1));
  });
  return { first, named };
}

function readDisks(lines: readonly Line[], known: Set<string>, changed: string[], leftOut: string[]) {
  const disks: ImportedDisk[] = [];
  let cdrom: string | null = null;
  for (const { key, value } of lines) {
    const bus = DISK.exec(key)?.[1];
    if (bus === undefined) continue;
    known.add(key);
    const { first, named } = partsOf(value);
    const source = named.get('file') ?? first;
    if (named.get('media') === 'cdrom' || source === 'cdrom') {
      if (source === 'none' || source === 'cdrom') continue;
      if (cdrom === null) cdrom = source;
      else leftOut.push(`${key}: a second CD-ROM, ${source}`);
      continue;
    }
    const [, size = '', unit = ''] = /^([\d.]+)([KMGT]?)$/.exec(named.get('size') ?? '') ?? [];
    const kind = busFrom(bus, key, changed) ?? 'virtio';
    // Without a word of its format a volume is what its name says, and raw where that says nothing (LVM, ZFS, Ceph).
    const format = named.get('format') ?? /\.(qcow2|vmdk|raw)$/.exec(source)?.[1] ?? 'raw';
    disks.push({
      source,
      ...(format === 'raw' ? { isRaw: true } : {}),
      target: key,
      bus: kind,
      sizeMiB: mebibytes(size, unit === '' ? 'B' : unit),
    });
  }
  return { disks, cdrom };
}

const NIC_MODELS = /^(virtio|e1000|e1000e|e1000-\w+|rtl8139|vmxnet3|ne2k_\w+|pcnet|i8\w+)$/;

function readNic(lines: readonly Line[], known: Set<string>, changed: string[]): 'virtio' | 'e1000e' {
  const nets = lines
    .filter(({ key }) => /^net\d+$/.test(key))
    .toSorted((a, b) => Number(a.key.slice(3)) - Number(b.key.slice(3)));
  const [net] = nets;
  if (net === undefined) return nicAdded(changed);
  known.add(net.key);
  const { first, named } = partsOf(net.value);
  const [model, mac] = [...named].find(([name]) => NIC_MODELS.test(name)) ?? [
    named.get('model') ?? first,
    named.get('macaddr') ?? '',
  ];
  return nicFrom(model, mac, changed);
}

/** `order=scsi0;net0` as since 6.3, `bootdisk: scsi0` before. */
function inBootOrder(disks: readonly ImportedDisk[], values: ReadonlyMap<string, string>): ImportedDisk[] {
  const order = partsOf(values.get('boot') ?? '')
    .named.get('order')
    ?.split(';') ?? [values.get('bootdisk') ?? ''];
  const places = new Map(order.map((target, i) => [target, i]));
  const place = (d: ImportedDisk) => places.get(d.target) ?? order.length;
  return disks.toSorted((a, b) => place(a) - place(b));
}
