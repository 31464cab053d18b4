import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { HostRef } from '../../../../domain/model/ids.js';
import {
  qemuCommand,
  storageDaemonCommand,
  type CopyCommand,
} from '../../../../drivers/qemu/process/command-lines.js';
import { drivesOf } from '../../../../drivers/qemu/process/drives.js';
import { Layout } from '../../../../drivers/qemu/process/layout.js';

const layout = new Layout('/state', '/run/v');
const network = { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:00:00:00:01' };
const kernel = DesktopDefinition.parse({
  id: 'd1',
  memoryMiB: 128,
  diskMiB: 64,
  boot: { kind: 'kernel', kernel: 'vmlinuz', initrd: '/else/initrd', append: 'quiet a,b' },
  network,
});
const disk = DesktopDefinition.parse({ id: 'd1', memoryMiB: 128, diskMiB: 64, network });
const command = (definition: DesktopDefinition, more: Partial<CopyCommand> = {}): string[] =>
  qemuCommand({
    definition,
    files: layout.copy(definition.id, 'home'),
    accelerator: 'tcg',
    incoming: false,
    ...more,
  });
const valueOf = (argv: readonly string[], option: string): string | undefined =>
  argv[argv.indexOf(option) + 1];

describe('the command line of a copy', () => {
  it('gives source and target the same machine', () => {
    const source = command(kernel);
    const target = command(kernel, { incoming: true });
    expect(target).toEqual([...source, '-S', '-incoming', 'defer']);
  });

  it('boots what was opened for it and passes the kernel’s own line as it is', () => {
    const argv = command(kernel);
    expect(valueOf(argv, '-kernel')).toBe('/proc/self/fd/4');
    expect(valueOf(argv, '-initrd')).toBe('/proc/self/fd/5');
    expect(valueOf(argv, '-append')).toBe('quiet a,b');
  });

  it('lets a guest with its own disk show a screen and reboot, one with a given kernel neither', () => {
    expect(valueOf(command(disk), '-vga')).toBe('std');
    expect(command(disk)).not.toContain('-no-reboot');
    expect(valueOf(command(kernel), '-vga')).toBe('none');
    expect(command(kernel)).toContain('-no-reboot');
  });

  it('shows guests the same CPU on every host under TCG', () => {
    expect(valueOf(command(disk), '-cpu')).toBe('max');
    expect(valueOf(command(disk, { accelerator: 'kvm' }), '-cpu')).toBe('host');
    expect(valueOf(command({ ...disk, cpu: 'host' }), '-cpu')).toBe('max');
  });

  it('gives a CPU that was asked for whole, or does not start', () => {
    for (const accelerator of ['kvm', 'tcg'] as const)
      expect(valueOf(command({ ...disk, cpu: 'Westmere' }, { accelerator }), '-cpu')).toBe(
        'Westmere,enforce',
      );
  });

  it('is for a simple desktop what it was before there were others', () => {
    expect(command(disk).join(' ')).toContain(
      '-device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:00:00:01,romfile= ' +
        '-blockdev driver=file,node-name=file0,filename=/state/disks/d1.home.raw,discard=unmap ' +
        '-blockdev driver=raw,node-name=disk0,file=file0,discard=unmap ' +
        '-device virtio-blk-pci,id=vd0,drive=disk0,bootindex=1 -chardev ',
    );
  });

  it('gives a TPM by the socket of its own process, at both ends alike, and none unasked', () => {
    const sealed = { ...disk, tpm: true };
    expect(command(sealed).join(' ')).toContain(
      '-chardev socket,id=tpmctl,path=/run/v/d1.home.tpm -tpmdev emulator,id=tpm0,chardev=tpmctl -device tpm-crb,tpmdev=tpm0',
    );
    expect(command(sealed, { incoming: true }).slice(0, -3)).toEqual(command(sealed));
    for (const tpm of [false, undefined]) expect(command({ ...disk, tpm })).toEqual(command(disk));
  });

  it('has a balloon where one is wanted', () => {
    const device = 'virtio-balloon-pci,id=balloon0,free-page-reporting=on';
    expect(command({ ...disk, balloon: true })).toContain(device);
    for (const balloon of [false, undefined]) expect(command({ ...disk, balloon })).toEqual(command(disk));
  });

  it('lets the firmware alone write the variables of secure boot', () => {
    const uefi = DesktopDefinition.parse({
      ...disk,
      memoryMiB: 256,
      machine: 'pc-q35-10.0',
      firmware: 'uefi',
    });
    const argv = command({ ...uefi, secureBoot: true }).join(' ');
    expect(argv).toContain(
      '-machine pc-q35-10.0,smm=on,pflash0=code,pflash1=vars -global driver=cfi.pflash01,property=secure,value=on',
    );
    expect(argv).toContain('filename=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd,read-only=on');
    expect(command(uefi).join(' ')).not.toMatch(/smm|secure|secboot/);
  });

  it('has a port for an agent where one is to be there, and nothing of it elsewhere', () => {
    expect(command({ ...disk, guestAgent: true }).join(' ')).toContain(
      '-device virtio-serial-pci,id=ports0 -chardev socket,id=agent0,path=/run/v/d1.home.agt,server=on,wait=off -device virtserialport,bus=ports0.0,chardev=agent0,name=org.qemu.guest_agent.0',
    );
    for (const guestAgent of [false, undefined])
      expect(command({ ...disk, guestAgent })).toEqual(command(disk));
  });

  it('gives each disk its bus, in the order of the definition', () => {
    const buses = ['sata', 'virtio', 'scsi', 'sata'] as const;
    const disks = buses.map((bus) => ({ sizeMiB: 16, bus }));
    const argv = command({ ...disk, disks, cdrom: 'install.iso', usbTablet: true, nic: 'e1000e' });
    expect(argv.filter((_, i) => argv[i - 1] === '-device')).toEqual([
      'e1000e,id=nic0,netdev=net0,mac=52:54:00:00:00:01,romfile=',
      'ich9-ahci,id=ahci0',
      'virtio-scsi-pci,id=hba0',
      'ide-hd,bus=ahci0.0,id=sata0,drive=disk0,bootindex=1',
      'virtio-blk-pci,id=vd1,drive=disk1,bootindex=2',
      'scsi-hd,bus=hba0.0,id=scsi2,drive=disk2,bootindex=3',
      'ide-hd,bus=ahci0.1,id=sata3,drive=disk3,bootindex=4',
      'ide-cd,id=cd,bus=ahci0.5,drive=cd0,bootindex=20',
      'qemu-xhci,id=usb0',
      'usb-tablet,id=tablet0,bus=usb0.0',
    ]);
    expect(argv.join(' ')).toContain('node-name=disk3,file=file3');
    // After kernel and initrd, of which a guest with its own disk has none.
    expect(argv.join(' ')).toContain('node-name=cdfile,filename=/proc/self/fd/4,read-only=on');
    expect(command({ ...kernel, cdrom: 'install.iso' }).join(' ')).toContain('filename=/proc/self/fd/6');
  });

  it('gives a machine with UEFI the firmware and its variables', () => {
    const argv = command({ ...disk, firmware: 'uefi' });
    expect(valueOf(argv, '-machine')).toBe('pc-i440fx-10.0,pflash0=code,pflash1=vars');
    expect(argv.join(' ')).toContain('filename=/state/disks/d1.home-vars.raw');
  });

  it('doubles commas in paths, where a comma would end the value', () => {
    const files = new Layout('/odd,place', '/run/v').copy(kernel.id, 'home');
    expect(command(kernel, { files }).join(' ')).toContain('filename=/odd,,place/disks/d1.home.raw,discard');
  });
});

describe('the command line of the storage daemon', () => {
  it('serves the replica over TLS to the move’s source only', () => {
    const argv = storageDaemonCommand({
      disk: '/state/disks/d1.abc.raw',
      drives: drivesOf(disk),
      files: { pidFile: '/run/v/p', monitor: '/run/v/m', log: '/l' },
      at: {
        address: '198.51.100.1',
        port: 49000,
        pkiDir: '/pki',
        from: HostRef.parse({ site: 'us-west', host: 'h1' }),
      },
      exportName: 'abc',
    });
    expect(valueOf(argv, '--object')).toBe('tls-creds-x509,id=tls0,dir=/pki,endpoint=server,verify-peer=on');
    expect(argv).toContain('authz-simple,id=source,identity=CN=us-west/h1');
    expect(valueOf(argv, '--nbd-server')).toBe(
      'addr.type=inet,addr.host=198.51.100.1,addr.port=49000,tls-creds=tls0,tls-authz=source',
    );
    expect(valueOf(argv, '--export')).toBe('nbd,id=replica,node-name=disk0,name=abc,writable=on');
  });

  it('serves each disk under a name of its own', () => {
    const disks = [
      { sizeMiB: 60, bus: 'virtio' as const },
      { sizeMiB: 4, bus: 'scsi' as const },
    ];
    const argv = storageDaemonCommand({
      disk: '/state/disks/d1.abc.raw',
      drives: drivesOf({ ...disk, disks }),
      files: { pidFile: '/run/v/p', monitor: '/run/v/m', log: '/l' },
      at: { socket: '/run/v/d1.abc.rld' },
      exportName: 'abc',
    });
    expect(argv.filter((_, i) => argv[i - 1] === '--export')).toEqual([
      'nbd,id=replica,node-name=disk0,name=abc,writable=on',
      'nbd,id=replica-1,node-name=disk1,name=abc-1,writable=on',
    ]);
  });

  it('serves it on a socket where a relay has the network', () => {
    const argv = storageDaemonCommand({
      disk: '/state/disks/d1.abc.raw',
      drives: drivesOf(disk),
      files: { pidFile: '/run/v/p', monitor: '/run/v/m', log: '/l' },
      at: { socket: '/run/v/d1.abc.rld' },
      exportName: 'abc',
    });
    expect(valueOf(argv, '--nbd-server')).toBe('addr.type=unix,addr.path=/run/v/d1.abc.rld');
    expect(argv).not.toContain('--object');
  });
});
