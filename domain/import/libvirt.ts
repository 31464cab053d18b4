// A libvirt domain (`virsh dumpxml`, files of virt-manager) as a desktop: https://libvirt.org/formatdomain.html. What has no place in a
// desktop's definition is left out and told by its path.
import { invalidInput } from '../model/parse.js';
import { ElementReader, type Element } from './element.js';
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

/** Addresses, names and wiring of libvirt's own: they are made anew. */
const OWN = ['address', 'alias', 'backingStore', 'mirror', 'reason', 'boot'];
/** Devices that every machine has, or that carry nothing of the guest's. */
const PLAIN_DEVICES = ['emulator', 'controller', 'console', 'serial', 'memballoon'];
const PLAIN = [
  'uuid',
  'title',
  'description',
  'metadata',
  'resource',
  'on_poweroff',
  'on_reboot',
  'on_crash',
  'on_lockfailure',
  'pm',
  'seclabel',
  'genid',
];

interface Reading {
  readonly changed: string[];
  readonly leftOut: string[];
  readonly problems: string[];
}

/** Read a `<domain>`; throws INPUT_INVALID with all that makes it no desktop. */
export function importLibvirt(root: Element): Imported {
  if (root.name !== 'domain')
    throw invalidInput('the libvirt file', [
      `expected <domain>, found <${root.name}>: give what \`virsh dumpxml --inactive NAME\` prints`,
    ]);
  const domain = new ElementReader(root);
  const reading: Reading = { changed: [], leftOut: [], problems: [] };
  const type = domain.attribute('type') ?? '';
  domain.attribute('id');
  if (type !== 'kvm' && type !== 'qemu')
    reading.problems.push(`domain/@type is ${JSON.stringify(type)}, expected kvm or qemu`);
  domain.pass(...PLAIN);
  const devices = domain.child('devices');
  devices?.pass(...PLAIN_DEVICES);
  const system = readSystem(domain, reading);
  const memoryMiB = readMemory(domain, reading);
  const cpu = readCpu(domain, reading);
  const drives = readDisks(devices, reading);
  const imported: Imported = {
    id: idFrom(domain.child('name')?.text() ?? ''),
    vcpus: readCount(domain, reading),
    memoryMiB,
    ...system,
    ...drives,
    nic: readNic(devices, reading),
    cpu,
    display: readDisplay(devices, reading),
    usbTablet: readTablet(devices),
    tpm: readTpm(devices, reading),
    guestAgent: readAgent(devices),
    changed: reading.changed,
    leftOut: [],
  };
  if (drives.disks.length === 0) reading.problems.push('domain/devices: no disk that a desktop could have');
  if (reading.problems.length > 0) throw invalidInput('the libvirt file', reading.problems);
  return { ...imported, leftOut: [...reading.leftOut, ...domain.unread()] };
}

function readSystem(
  domain: ElementReader,
  { changed, problems }: Reading,
): Pick<Imported, 'machine' | 'firmware' | 'secureBoot' | 'boot'> {
  const os = domain.child('os');
  const type = os?.child('type');
  if (type?.text() !== 'hvm') problems.push('domain/os/type: expected hvm, a whole virtual machine');
  const arch = type?.attribute('arch') ?? 'x86_64';
  if (arch !== 'x86_64' && arch !== 'i686') problems.push(`domain/os/type/@arch is ${arch}, expected x86_64`);
  const machine = machineFrom(type?.attribute('machine') ?? '', changed);
  const loader = os?.child('loader');
  const efi =
    os?.attribute('firmware') === 'efi' ||
    loader?.peek('type') === 'pflash' ||
    /OVMF|edk2/i.test(loader?.text() ?? '');
  let secureBoot = false;
  if (efi) {
    secureBoot = loader?.attribute('secure') === 'yes' && secureBootOn(machine, changed);
    loader?.attribute('readonly');
    loader?.attribute('type');
    loader?.attribute('format');
    const nvram = os?.child('nvram');
    nvram?.done();
    firmwareAnew(changed);
  }
  os?.pass('boot', 'bootmenu');
  const clock = domain.child('clock');
  clock?.pass('timer');
  const offset = clock?.attribute('offset') ?? 'utc';
  if (offset !== 'utc')
    changed.push(`the machine's clock is UTC (was ${offset}): in Windows set RealTimeIsUniversal`);
  domain.child('features')?.pass('acpi', 'apic', 'pae', 'vmport', 'smm');
  const kernel = os?.child('kernel')?.text();
  const boot =
    kernel === undefined
      ? null
      : { kernel, initrd: os?.child('initrd')?.text() ?? null, append: os?.child('cmdline')?.text() ?? '' };
  return { machine, firmware: efi ? 'uefi' : 'bios', secureBoot, boot };
}

function readMemory(domain: ElementReader, { problems }: Reading): number {
  const memory = domain.child('memory');
  const size = mebibytes(memory?.text() ?? '', memory?.attribute('unit') ?? 'KiB');
  memory?.attribute('dumpCore');
  if (size === null) problems.push('domain/memory: expected a size');
  const current = domain.child('currentMemory');
  if (current !== null) {
    const now = mebibytes(current.text(), current.attribute('unit') ?? 'KiB');
    if (now === size) current.done();
  }
  return size ?? 0;
}

function readCount(domain: ElementReader, { problems }: Reading): number {
  const vcpu = domain.child('vcpu');
  if (vcpu?.attribute('placement') === 'auto') vcpu.attribute('cpuset');
  const count = Number(vcpu?.text() ?? '1');
  domain.pass('vcpus');
  if (Number.isInteger(count) && count >= 1 && count <= 64) return count;
  problems.push(`domain/vcpu: expected 1 to 64, found ${vcpu?.text() ?? ''}`);
  return 1;
}

/** A topology says the same number of CPUs in another way. */
function readCpu(domain: ElementReader, { changed }: Reading): string | null {
  const cpu = domain.child('cpu');
  if (cpu === null) return null;
  const mode = cpu.attribute('mode');
  for (const name of ['match', 'check', 'migratable']) cpu.attribute(name);
  cpu.pass('topology', 'cache', 'maxphysaddr');
  const model = cpu.child('model');
  // Of a host's own model only what it was called there is told.
  if (model === null || mode === 'host-passthrough' || mode === 'host-model') {
    cpu.pass('model');
    return null;
  }
  model.attribute('fallback');
  model.attribute('vendor');
  return cpuFrom(model.text(), changed);
}

function readDisks(devices: ElementReader | null, reading: Reading): Pick<Imported, 'disks' | 'cdrom'> {
  const { changed, leftOut } = reading;
  const disks: ImportedDisk[] = [];
  let cdrom: string | null = null;
  for (const disk of devices?.children('disk') ?? []) {
    const kind = disk.peek('device') ?? 'disk';
    const source =
      disk
        .children('source')
        .map(sourceOf)
        .find((s) => s !== null) ?? null;
    const target = disk.child('target');
    const name = target?.peek('dev') ?? '?';
    if (kind === 'cdrom') {
      if (source === null || cdrom === null) {
        if (source !== null) cdrom = source;
        disk.done();
      } else leftOut.push(`${disk.path}: a second CD-ROM, ${source}`);
      if (source !== null) disk.done();
      continue;
    }
    const bus = kind === 'disk' ? busFrom(target?.peek('bus') ?? 'virtio', name, changed) : null;
    if (bus === null) {
      leftOut.push(
        `${disk.path}: ${kind} on ${target?.peek('bus') ?? 'no bus'}, ${source ?? 'without a source'}`,
      );
      disk.done();
      continue;
    }
    if (disk.peek('type') === 'network')
      changed.push(`${name} lies on the network (${source ?? '?'}): copy it to an image first`);
    for (const attribute of ['device', 'type', 'snapshot', 'model', 'rawio']) disk.attribute(attribute);
    for (const attribute of ['dev', 'bus', 'tray', 'rotation_rate']) target?.attribute(attribute);
    disk.pass(...OWN, 'driver', 'source', 'serial', 'wwn', 'blockio', 'geometry', 'product', 'vendor');
    if (
      disk.child('readonly') !== null ||
      disk.child('shareable') !== null ||
      disk.child('transient') !== null
    )
      changed.push(`${name} is a plain disk that the guest may write`);
    disk.pass('readonly', 'shareable', 'transient');
    if (source === null) changed.push(`${name} begins empty: it is not told where it lies`);
    const isRaw = disk.child('driver')?.peek('type') === 'raw';
    disks.push({ source, ...(isRaw ? { isRaw } : {}), target: name, bus, sizeMiB: null });
  }
  return { disks: fitting(bootFirst(disks, devices), leftOut), cdrom };
}

function sourceOf(source: ElementReader): string | null {
  const [file, dev, pool, volume, name] = ['file', 'dev', 'pool', 'volume', 'name'].map((a) =>
    source.peek(a),
  );
  if (pool !== null && pool !== undefined) return `${pool}/${volume ?? ''}`;
  return file ?? dev ?? name ?? null;
}

/** The disk that has a boot order, if any, comes first. */
function bootFirst(disks: readonly ImportedDisk[], devices: ElementReader | null): ImportedDisk[] {
  const orders = new Map<string, number>();
  for (const disk of devices?.children('disk') ?? []) {
    const order = Number(disk.children('boot')[0]?.peek('order') ?? NaN);
    if (Number.isInteger(order)) orders.set(disk.children('target')[0]?.peek('dev') ?? '', order);
  }
  const orderOf = (d: ImportedDisk) => orders.get(d.target) ?? Number.MAX_SAFE_INTEGER;
  return disks.toSorted((a, b) => orderOf(a) - orderOf(b));
}

function readNic(devices: ElementReader | null, { changed }: Reading): 'virtio' | 'e1000e' {
  const [first] = devices?.children('interface') ?? [];
  if (first === undefined) return nicAdded(changed);
  const mac = first.child('mac')?.peek('address') ?? '';
  first.attribute('type');
  first.pass(...OWN, 'mac', 'source', 'target', 'driver', 'link', 'mtu', 'guest', 'virtualport');
  const model = first.child('model');
  return nicFrom(model?.attribute('type') ?? 'e1000', mac, changed);
}

function readDisplay(devices: ElementReader | null, { changed }: Reading): Imported['display'] {
  const video = devices?.child('video');
  if (video === null || video === undefined) return 'none';
  const model = video.child('model');
  const type = model?.attribute('type') ?? 'std';
  for (const name of ['ram', 'vram', 'vgamem', 'vram64', 'primary', 'blob']) model?.attribute(name);
  if (model?.peek('heads') === '1') model.attribute('heads');
  video.pass(...OWN, 'driver');
  if (type === 'none') return 'none';
  if (type === 'virtio') return 'virtio';
  if (type !== 'vga') changed.push(`the screen is a standard VGA one (was ${type})`);
  return 'std';
}

function readTpm(devices: ElementReader | null, { changed }: Reading): boolean {
  const tpm = devices?.child('tpm');
  if (tpm === null || tpm === undefined) return false;
  const version = tpm.child('backend')?.attribute('version') ?? '';
  tpm.done();
  return tpmAnew(version, changed);
}

/** Other channels, such as Spice's, are nobody's here. */
function readAgent(devices: ElementReader | null): boolean {
  const agents = (devices?.children('channel') ?? []).filter((channel) =>
    channel.children('target').some((target) => target.peek('name') === 'org.qemu.guest_agent.0'),
  );
  for (const agent of agents) agent.done();
  return agents.length > 0;
}

function readTablet(devices: ElementReader | null): boolean {
  let tablet = false;
  for (const input of devices?.children('input') ?? []) {
    const type = input.peek('type');
    if (type === 'tablet') tablet = true;
    if (type === 'tablet' || input.peek('bus') === 'ps2') input.done();
  }
  return tablet;
}
