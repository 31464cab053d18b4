// Configurations of Proxmox VE 5 to 8 as people post them.
import { importedDocument } from '../../../../domain/import/document.js';
import { importProxmox } from '../../../../domain/import/proxmox.js';

it('takes one of Proxmox 8: UEFI, TPM, a SCSI disk, and leaves snapshots and pending changes', () => {
  const found = importProxmox(`#Windows 11%0Aof the office
agent: 1
bios: ovmf
boot: order=scsi0;ide2;net0
cores: 4
cpu: x86-64-v2-AES
efidisk0: local-lvm:vm-101-disk-0,efitype=4m,pre-enrolled-keys=1,size=4M
ide2: local:iso/virtio-win-0.1.240.iso,media=cdrom,size=612812K
machine: pc-q35-8.1
memory: 8192
meta: creation-qemu=8.1.5,ctime=1712000000
name: win11-office
net0: virtio=BC:24:11:12:34:56,bridge=vmbr0,firewall=1,tag=20
numa: 0
ostype: win11
parent: before-update
scsi0: local-lvm:vm-101-disk-1,discard=on,iothread=1,size=64G,ssd=1
scsihw: virtio-scsi-single
smbios1: uuid=11111111-2222-3333-4444-555555555555
sockets: 1
tpmstate0: local-lvm:vm-101-disk-2,size=4M,version=v2.0
vmgenid: 66666666-7777-8888-9999-000000000000

[PENDING]
memory: 16384

[before-update]
#a snapshot
cores: 2
memory: 4096
scsi0: local-lvm:vm-101-disk-1,size=32G
snaptime: 1712345678
`);
  expect(found).toMatchObject({
    id: 'win11-office',
    vcpus: 4,
    memoryMiB: 8192,
    machine: 'pc-q35-8.1',
    firmware: 'uefi',
    secureBoot: true,
    nic: 'virtio',
    cpu: 'auto',
    disks: [{ source: 'local-lvm:vm-101-disk-1', target: 'scsi0', bus: 'scsi', sizeMiB: 65_536 }],
    cdrom: 'local:iso/virtio-win-0.1.240.iso',
    display: 'std',
    usbTablet: true,
    tpm: true,
    guestAgent: true,
  });
  expect(found.leftOut).toEqual(
    expect.arrayContaining(['changes that are pending', 'the snapshot before-update', 'numa: 0']),
  );
  expect(found.leftOut).toHaveLength(3);
  expect(found.changed.join('\n')).toMatch(
    /UEFI variables[^]*x86-64-v2-AES[^]*UTC[^]*BC:24:11:12:34:56[^]*TPM is a new 2\.0 one, and/,
  );
  expect(
    importedDocument(found, (d) => ({ name: d.source!.split(':')[1]!, sizeMiB: null })).document,
  ).toMatchObject({
    cdrom: 'virtio-win-0.1.240.iso',
    disks: [{ sizeMiB: 65_536, image: 'vm-101-disk-1' }],
  });
});

it('takes one of Proxmox 5: IDE, e1000, bootdisk, names without a network', () => {
  const found = importProxmox(
    'balloon: 0\r\nboot: cdn\r\nbootdisk: ide1\r\ncores: 2\r\nsockets: 2\r\nide0: local:100/vm-100-disk-2.qcow2,size=1.5T\r\nide1: local:100/vm-100-disk-1.qcow2,size=32G\r\nide2: none,media=cdrom\r\nmemory: 2048\r\nname: SRV.Example.org\r\nnet0: e1000=AA:BB:CC:DD:EE:FF,bridge=vmbr0\r\nnet1: virtio=AA:BB:CC:DD:EE:00,bridge=vmbr1\r\nostype: l26\r\nvga: qxl\r\ntablet: 0\r\n',
  );
  expect(found).toMatchObject({
    id: 'srv-example-org',
    vcpus: 4,
    machine: 'pc-i440fx-10.0',
    firmware: 'bios',
    nic: 'e1000e',
    disks: [
      { target: 'ide1', bus: 'sata', sizeMiB: 32_768 },
      { target: 'ide0', bus: 'sata', sizeMiB: 1_572_864 },
    ],
    cdrom: null,
    usbTablet: false,
  });
  expect(found.leftOut).toEqual(['balloon: 0', 'net1: virtio=AA:BB:CC:DD:EE:00,bridge=vmbr1']);
});

it.each<[string, string, object]>([
  ['memory as 8.1 may write it', 'memory: current=3072\nvirtio0: local:1/a.raw,size=1G', { memoryMiB: 3072 }],
  ['no memory: the default', 'virtio0: local:1/a.raw,size=1G', { memoryMiB: 512, vcpus: 1 }],
  [
    'a machine with options',
    'machine: q35,viommu=intel\nscsi0: a:b,size=1G',
    { machine: 'pc-q35-10.0', leftOut: ['machine viommu=intel'] },
  ],
  [
    'a machine of a Proxmox release',
    'machine: pc-i440fx-8.0+pve1\nscsi0: a:b,size=1G',
    { machine: 'pc-i440fx-8.0' },
  ],
  ['a CPU of the host', 'cpu: host\nscsi0: a:b,size=1G', { cpu: null }],
  [
    'a CPU with flags',
    'cpu: Westmere,flags=+aes;-pcid\nscsi0: a:b,size=1G',
    { cpu: 'Westmere', leftOut: ['cpu flags=+aes;-pcid'] },
  ],
  [
    'a CPU in its long form',
    'cpu: cputype=EPYC,hidden=1\nscsi0: a:b,size=1G',
    { cpu: 'EPYC', leftOut: ['cpu hidden=1'] },
  ],
  ['no CPU', 'scsi0: a:b,size=1G', { cpu: 'kvm64' }],
  ['vcpus fewer than cores', 'cores: 8\nvcpus: 3\nscsi0: a:b,size=1G', { vcpus: 3 }],
  ['a serial screen', 'vga: serial0\nscsi0: a:b,size=1G', { display: 'none' }],
  ['virtio-gl', 'vga: virtio-gl,memory=256\nscsi0: a:b,size=1G', { display: 'virtio' }],
  [
    'a network card in its long form',
    'net0: model=virtio,macaddr=AA:BB:CC:DD:EE:FF,bridge=vmbr0\nscsi0: a:b,size=1G',
    { nic: 'virtio' },
  ],
  [
    'a disk in its long form',
    'scsi0: file=local-lvm:vm-1-disk-0,size=528K',
    { disks: [{ source: 'local-lvm:vm-1-disk-0', target: 'scsi0', bus: 'scsi', sizeMiB: 1 }] },
  ],
  [
    'a disk of which the size is not told',
    'scsi0: /dev/disk/by-id/ata-X',
    { disks: [{ source: '/dev/disk/by-id/ata-X', target: 'scsi0', bus: 'scsi', sizeMiB: null }] },
  ],
  [
    'devices passed through',
    'scsi0: a:b,size=1G\nhostpci0: 01:00,pcie=1,x-vga=1\nusb0: host=046d:c52b\nargs: -device foo\nhugepages: 1024',
    {
      leftOut: [
        'hostpci0: 01:00,pcie=1,x-vga=1',
        'usb0: host=046d:c52b',
        'args: -device foo',
        'hugepages: 1024',
      ],
    },
  ],
])('reads %s', (_, text, expected) => expect(importProxmox(text)).toMatchObject(expected));

it.each([
  ['a container', 'arch: amd64\nrootfs: local-lvm:vm-200-disk-0,size=8G\nmemory: 512', /arch is amd64/],
  ['no disk', 'memory: 1024\nide2: none,media=cdrom', /no disk/],
  ['what is no configuration', '<domain/>', /line 1: expected KEY: VALUE/],
  ['a figure that is none', 'cores: many\nscsi0: a:b,size=1G', /cores: expected a number/],
  ['no memory', 'memory: 0\nscsi0: a:b,size=1G', /memory/],
])('refuses %s', (_, text, message) => expect(() => importProxmox(text)).toThrow(message));

it('takes for raw what is said to be, and volumes whose names say nothing', () => {
  const { disks } = importProxmox(
    'virtio0: local-lvm:vm-1-disk-0,size=1G\nvirtio1: local:1/a.qcow2\nvirtio2: local:1/b.raw\nvirtio3: /c.qcow2,format=raw\n',
  );
  expect(disks.map((d) => d.isRaw)).toEqual([true, undefined, true, true]);
});

it('reads a line of spaces, or a long boot order, in no time that grows with the square of it', () => {
  const spaces = ' '.repeat(500_000);
  const order = Array.from({ length: 50_000 }, (_, i) => `net${String(i)}`).join(';');
  const { disks, leftOut } = importProxmox(
    `name: ${spaces}office${spaces}\nargs: a${spaces}b\nboot: order=${order};virtio1\nvirtio0: local:1/a.raw\nvirtio1: local:1/b.raw\n`,
  );
  expect(disks.map((d) => d.target)).toEqual(['virtio1', 'virtio0']);
  expect(leftOut).toEqual([`args: a${spaces}b`]);
});
