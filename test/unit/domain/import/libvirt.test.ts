// Domains as virt-manager, cloud images and people of forums have them.
import { readXml } from '../../../../cli/import/xml.js';
import { importedDocument } from '../../../../domain/import/document.js';
import type { Imported } from '../../../../domain/import/imported.js';
import { importLibvirt } from '../../../../domain/import/libvirt.js';

const read = (xml: string): Imported => importLibvirt(readXml(Buffer.from(xml), 'domain.xml'));

const pci = (bus: number) =>
  `<address type='pci' domain='0x0000' bus='0x0${String(bus)}' slot='0x00' function='0x0'/>`;

const LINUX = `<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST.
-->
<domain type='kvm' id='3'>
  <name>debian12</name>
  <uuid>2b1a7f3c-5a1e-4d0f-9a50-0c7a7c3b1f10</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='KiB'>4194304</memory>
  <currentMemory unit='KiB'>4194304</currentMemory>
  <vcpu placement='static'>4</vcpu>
  <resource><partition>/machine</partition></resource>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/><vmport state='off'/></features>
  <cpu mode='host-passthrough' check='none' migratable='on'/>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <pm><suspend-to-mem enabled='no'/></pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' discard='unmap'/>
      <source file='/var/lib/libvirt/images/debian12.qcow2' index='1'/>
      <backingStore/>
      <target dev='vda' bus='virtio'/>
      <alias name='virtio-disk0'/>
      ${pci(4)}
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <controller type='usb' index='0' model='qemu-xhci' ports='15'>${pci(2)}</controller>
    <controller type='pci' index='0' model='pcie-root'/>
    <interface type='network'>
      <mac address='52:54:00:aa:bb:cc'/>
      <source network='default'/>
      <model type='virtio'/>
      ${pci(1)}
    </interface>
    <serial type='pty'><target type='isa-serial' port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet' bus='usb'/>
    <input type='mouse' bus='ps2'/>
    <graphics type='spice' autoport='yes'><listen type='address'/></graphics>
    <video><model type='virtio' heads='1' primary='yes'/>${pci(0)}</video>
    <memballoon model='virtio'>${pci(5)}</memballoon>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>`;

it('takes a Linux of virt-manager as it is', () => {
  const found = read(LINUX);
  expect(found).toMatchObject({
    id: 'debian12',
    vcpus: 4,
    memoryMiB: 4096,
    machine: 'pc-q35-7.2',
    firmware: 'bios',
    nic: 'virtio',
    cpu: null,
    disks: [{ source: '/var/lib/libvirt/images/debian12.qcow2', target: 'vda', bus: 'virtio' }],
    cdrom: null,
    display: 'virtio',
    usbTablet: true,
    guestAgent: true,
    boot: null,
  });
  expect(found.changed).toEqual([expect.stringMatching(/another address \(was 52:54:00:aa:bb:cc\)/)]);
  expect(found.leftOut.map((l) => l.split(' ')[0])).toEqual([
    'domain/devices/graphics',
    'domain/devices/rng',
  ]);
});

/** Windows 11: OVMF with secure boot, TPM, SATA, e1000e, Hyper-V enlightenments, local time. */
const WINDOWS = `<domain type="kvm">
  <name>Win 11 (Büro)</name>
  <memory unit="GiB">8</memory>
  <currentMemory unit="GiB">4</currentMemory>
  <vcpu placement="static" cpuset="4-11">8</vcpu>
  <os firmware="efi">
    <type arch="x86_64" machine="pc-q35-rhel9.2.0">hvm</type>
    <firmware><feature enabled="yes" name="secure-boot"/></firmware>
    <loader readonly="yes" secure="yes" type="pflash">/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>
    <nvram template="/usr/share/OVMF/OVMF_VARS_4M.ms.fd">/var/lib/libvirt/qemu/nvram/win11_VARS.fd</nvram>
  </os>
  <features><acpi/><apic/><hyperv mode="custom"><relaxed state="on"/></hyperv><smm state="on"/></features>
  <cpu mode="custom" match="exact"><model fallback="forbid">Skylake-Client</model><topology sockets="1" dies="1" cores="4" threads="2"/></cpu>
  <clock offset="localtime"><timer name="hypervclock" present="yes"/></clock>
  <devices>
    <disk type="block" device="disk"><driver name="qemu" type="raw"/><source dev="/dev/vg0/win11"/><target dev="sdb" bus="sata"/><boot order="2"/></disk>
    <disk type="file" device="disk"><source file="/images/win11.qcow2"/><target dev="sda" bus="sata"/><boot order="1"/></disk>
    <disk type="file" device="cdrom"><source file="/isos/virtio-win.iso"/><target dev="sdc" bus="sata"/><readonly/></disk>
    <disk type="file" device="cdrom"><source file="/isos/Win11.iso"/><target dev="sdd" bus="sata"/><readonly/></disk>
    <interface type="bridge"><mac address="52:54:00:01:02:03"/><source bridge="br0"/><model type="e1000e"/></interface>
    <interface type="network"><mac address="52:54:00:01:02:04"/><source network="isolated"/><model type="rtl8139"/></interface>
    <tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>
    <sound model="ich9"/>
    <video><model type="qxl" ram="65536" vram="65536" heads="1" primary="yes"/></video>
    <hostdev mode="subsystem" type="pci" managed="yes"><source><address domain="0x0000" bus="0x01" slot="0x00" function="0x0"/></source></hostdev>
  </devices>
</domain>`;

it('takes a Windows 11 with what it needs, and says what is not there', () => {
  const found = read(WINDOWS);
  expect(found).toMatchObject({
    id: 'win-11-b-ro',
    vcpus: 8,
    memoryMiB: 8192,
    machine: 'pc-q35-10.0',
    firmware: 'uefi',
    secureBoot: true,
    nic: 'e1000e',
    cpu: 'Skylake-Client',
    disks: [
      { source: '/images/win11.qcow2', bus: 'sata' },
      { source: '/dev/vg0/win11', bus: 'sata' },
    ],
    cdrom: '/isos/virtio-win.iso',
    display: 'std',
    usbTablet: false,
    tpm: true,
  });
  const changed = found.changed.join('\n');
  for (const words of [
    'pc-q35-rhel9.2.0 becomes',
    'UEFI variables begin anew',
    "secure boot begins with Microsoft's keys",
    'was localtime',
    'was qxl',
    'TPM is a new 2.0 one, and empty',
  ])
    expect(changed).toContain(words);
  const leftOut = found.leftOut.join('\n');
  for (const path of [
    'domain/vcpu/@cpuset="4-11"',
    'domain/os/firmware',
    'domain/features/hyperv',
    'domain/devices/disk[4]: a second CD-ROM, /isos/Win11.iso',
    'domain/devices/interface[2]',
    'domain/devices/sound model="ich9"',
    'domain/devices/hostdev mode="subsystem"',
  ])
    expect(leftOut).toContain(path);
});

it('takes an old i440fx with IDE and rtl8139, and a kernel given directly', () => {
  const found = read(`<domain type='qemu'><name>old</name><memory>524288</memory><vcpu>1</vcpu>
    <os><type arch='i686' machine='pc-i440fx-2.1'>hvm</type><kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd.img</initrd><cmdline>root=/dev/sda console=ttyS0</cmdline></os>
    <devices>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/old.img'/><target dev='hda' bus='ide'/><address type='drive' controller='0'/></disk>
      <disk type='file' device='floppy'><source file='/srv/a.img'/><target dev='fda' bus='fdc'/></disk>
      <interface type='user'><model type='rtl8139'/></interface>
      <video><model type='cirrus' vram='16384' heads='1'/></video>
    </devices></domain>`);
  expect(found).toMatchObject({
    machine: 'pc-i440fx-10.0',
    disks: [{ source: '/srv/old.img', target: 'hda', bus: 'sata' }],
    nic: 'e1000e',
    display: 'std',
    boot: { kernel: '/boot/vmlinuz', initrd: '/boot/initrd.img', append: 'root=/dev/sda console=ttyS0' },
  });
  expect(found.changed.join('\n')).toMatch(/hda becomes a SATA disk[^]*rtl8139 becomes e1000e[^]*was cirrus/);
  expect(found.leftOut).toEqual(['domain/devices/disk[2]: floppy on fdc, /srv/a.img']);
  const { document, unknownSizes } = importedDocument(found, () => ({ name: 'old.img', sizeMiB: null }));
  expect(unknownSizes).toEqual(['hda']);
  expect(document).toMatchObject({
    boot: { kind: 'kernel', kernel: '/boot/vmlinuz' },
    disks: [{ image: 'old.img', bus: 'sata' }],
  });
});

it('tells by their paths NUMA, hugepages, shared folders, passed-through devices and a command line of QEMU', () => {
  const { leftOut } =
    read(`<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>big</name><memory unit='MiB'>65536</memory><vcpu>16</vcpu>
    <memoryBacking><hugepages/></memoryBacking><numatune><memory mode='strict' nodeset='0'/></numatune><cputune><vcpupin vcpu='0' cpuset='2'/></cputune><iothreads>2</iothreads>
    <os><type arch='x86_64' machine='q35'>hvm</type></os>
    <cpu mode='host-passthrough'><topology sockets='2' cores='8' threads='1'/><numa><cell id='0' cpus='0-7' memory='32' unit='GiB'/></numa></cpu>
    <devices>
      <disk type='network' device='disk'><source protocol='rbd' name='pool/big'/><target dev='vda' bus='virtio'/></disk>
      <disk type='volume' device='disk'><source pool='default' volume='data.qcow2'/><target dev='sdb' bus='scsi'/></disk>
      <disk type='file' device='lun'><source dev='/dev/sdc'/><target dev='sdc' bus='scsi'/></disk>
      <filesystem type='mount' accessmode='mapped'><source dir='/srv/share'/><target dir='share'/></filesystem>
      <hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/><product id='0xc52b'/></source></hostdev>
      <interface type='direct'><source dev='eno1' mode='bridge'/><model type='virtio'/></interface>
    </devices>
    <qemu:commandline><qemu:arg value='-device'/><qemu:arg value='ivshmem'/></qemu:commandline></domain>`);
  const paths = leftOut.map((l) => l.split(/[ :](?!commandline)/)[0]);
  expect(paths).toEqual(
    expect.arrayContaining([
      'domain/memoryBacking',
      'domain/numatune',
      'domain/cputune',
      'domain/iothreads',
      'domain/cpu/numa',
      'domain/devices/filesystem',
      'domain/devices/hostdev',
      'domain/devices/disk[3]',
      'domain/qemu:commandline',
    ]),
  );
});

it('leaves out what is more than a desktop has', () => {
  const disks = Array.from(
    { length: 10 },
    (_, i) =>
      `<disk type='file'><source file='/d${String(i)}'/><target dev='s${String(i)}' bus='${i < 7 ? 'sata' : 'virtio'}'/></disk>`,
  );
  const found = read(
    `<domain type='kvm'><name>n</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>${disks.join('')}</devices></domain>`,
  );
  expect(found.disks.map((d) => d.source)).toEqual(['/d0', '/d1', '/d2', '/d3', '/d4', '/d7']);
  expect(found.leftOut).toHaveLength(4);
});

it.each([
  ['no domain', '<network><name>default</name></network>', /expected <domain>, found <network>/],
  [
    'a container',
    "<domain type='lxc'><memory>1024</memory><os><type>exe</type></os></domain>",
    /expected kvm or qemu\n.*expected hvm\n|hvm/,
  ],
  [
    'another processor',
    "<domain type='kvm'><memory unit='MiB'>512</memory><os><type arch='aarch64'>hvm</type></os></domain>",
    /aarch64/,
  ],
  [
    'no size of memory',
    "<domain type='kvm'><memory unit='furlong'>1</memory><os><type>hvm</type></os></domain>",
    /domain\/memory/,
  ],
  [
    'too many processors',
    "<domain type='kvm'><memory unit='MiB'>512</memory><vcpu>512</vcpu><os><type>hvm</type></os></domain>",
    /expected 1 to 64/,
  ],
  [
    'no disk',
    "<domain type='kvm'><memory unit='MiB'>512</memory><os><type>hvm</type></os><devices/></domain>",
    /no disk/,
  ],
])('refuses %s', (_, xml, message) => expect(() => read(xml)).toThrow(message));

it('takes a raw disk for raw, whatever its guest has written into it, and says of one without a place that it begins empty', () => {
  const { disks, changed } =
    read(`<domain type='kvm'><memory>1048576</memory><os><type>hvm</type></os><devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/a.img'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/b.qcow2'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='dir' device='disk'><source dir='/c'/><target dev='vdc' bus='virtio'/></disk></devices></domain>`);
  expect(disks.map((d) => d.isRaw)).toEqual([true, undefined, undefined]);
  expect(changed).toContain('vdc begins empty: it is not told where it lies');
});

it('reads the largest definition in no time that grows with the square of it', () => {
  const many = Array.from({ length: 19_000 }, (_, i) => `<a${i % 2 === 0 ? '' : 'b'}/>`).join('');
  const xml = `<domain type='kvm'><memory>1048576</memory><os><type>hvm</type></os>${many}<devices><disk type='file'><source file='/a'/><target dev='vda'/></disk></devices></domain>`;
  const { leftOut } = read(xml);
  expect(leftOut.slice(0, 3)).toEqual(['domain/a[1]', 'domain/ab[1]', 'domain/a[2]']);
  expect(leftOut).toHaveLength(19_000);
});

it('knows no unit that is none', () => {
  const of = (unit: string) => () =>
    read(
      `<domain type='kvm'><memory unit='${unit}'>1</memory><os><type>hvm</type></os><devices><disk type='file'><source file='/a'/><target dev='vda'/></disk></devices></domain>`,
    );
  for (const unit of ['constructor', '__proto__', 'PiB', ''])
    expect(of(unit)).toThrow(/memory: expected a size/);
});
