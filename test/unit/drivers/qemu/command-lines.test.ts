import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { HostRef } from '../../../../domain/model/ids.js';
import {
  qemuCommand,
  storageDaemonCommand,
  type CopyCommand,
} from '../../../../drivers/qemu/process/command-lines.js';
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
      files: { pidFile: '/run/v/p', monitor: '/run/v/m', log: '/l' },
      address: '198.51.100.1',
      port: 49000,
      exportName: 'abc',
      pkiDir: '/pki',
      from: HostRef.parse({ site: 'us-west', host: 'h1' }),
    });
    expect(valueOf(argv, '--object')).toBe('tls-creds-x509,id=tls0,dir=/pki,endpoint=server,verify-peer=on');
    expect(argv).toContain('authz-simple,id=source,identity=CN=us-west/h1');
    expect(valueOf(argv, '--nbd-server')).toBe(
      'addr.type=inet,addr.host=198.51.100.1,addr.port=49000,tls-creds=tls0,tls-authz=source',
    );
    expect(valueOf(argv, '--export')).toBe('nbd,id=replica,node-name=disk0,name=abc,writable=on');
  });
});
