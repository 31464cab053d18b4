import { mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { runCommand } from '../../../os/run-command.js';
import { TAP, TwoHosts, crash, smallDesktop } from './two-hosts.js';

describe('the desktops of a host', () => {
  const definition = smallDesktop('resident', { 'vms.disk': '500:4' });
  const { id } = definition;
  let world: TwoHosts;
  beforeAll(async () => {
    world = await TwoHosts.make();
    await world.a.driver.create(definition, TAP, smallGuest().disk);
  });
  afterAll(() => world.remove());

  it('are not taken for running when the number of their process was given to another', async () => {
    await world.a.driver.start(id);
    const running = await world.a.driver.get(id);
    await crash([running!.pid!]);
    await writeFile(join(world.folder, 'ra', `${id}.home.pid`), `${process.pid}\n`);
    expect(await world.a.driver.get(id)).toMatchObject({ state: 'crashed', pid: null });
    await world.a.driver.remove(id);
    expect(await world.kept('a')).toEqual([]);
  });

  it('are found although somebody emptied the run folder, are never started twice, and stop', async () => {
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(id);
    const { pid } = (await world.a.driver.get(id))!;
    for (const name of await readdir(join(world.folder, 'ra')))
      await rm(join(world.folder, 'ra', name), { recursive: true });
    // Who knew it still has its connection; a dom0 that starts anew does not.
    await world.a.kill();
    world.a.start();
    expect(await world.a.driver.get(id)).toMatchObject({ state: 'running', pid });
    await expect(world.a.driver.start(id)).rejects.toMatchObject({ code: 'QMP_LOST' });
    await expect(world.a.driver.remove(id)).rejects.toMatchObject({ code: 'QMP_LOST' });
    expect(await world.a.driver.get(id)).toMatchObject({ state: 'running', pid });
    await world.a.driver.stop(id, 5_000);
    expect(await world.a.driver.get(id)).toMatchObject({ state: 'stopped', pid: null });
    expect(await world.processes('qemu-system-x86_64')).toEqual([]);
    await world.a.driver.start(id);
    expect((await world.a.driver.get(id))!.pid).not.toBe(pid);
    await world.a.driver.stop(id, 0);
    await world.a.driver.remove(id);
    expect(await world.kept('a')).toEqual([]);
  });

  it('take a qcow2 image as it is, and refuse one that is too large or refers to another file', async () => {
    const raw = join(world.folder, 'image.raw');
    await writeFile(raw, 'VMShadow');
    await truncate(raw, 2 * 2 ** 20);
    const image = join(world.folder, 'image.qcow2');
    await runCommand(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, image]);
    const own = DesktopDefinition.parse({ ...definition, id: 'own', diskMiB: 8 });
    await world.a.driver.create(own, TAP, image);
    const disk = await readFile(join(world.folder, 'a', 'disks', 'own.home.raw'));
    expect(disk.length).toBe(8 * 2 ** 20);
    expect(disk.subarray(0, 8).toString()).toBe('VMShadow');
    await world.a.driver.remove(own.id);
    const tight = { ...own, diskMiB: 1 };
    await expect(world.a.driver.create(tight, TAP, image)).rejects.toThrow(/holds 2 MiB.*diskMiB is 1/);
    const create = ['qemu-img', 'create', '-q', '-f', 'qcow2'] as const;
    const [trap, split] = [join(world.folder, 'trap.qcow2'), join(world.folder, 'split.qcow2')];
    await runCommand([...create, '-b', '/etc/passwd', '-F', 'raw', trap, '1M']);
    await runCommand([...create, '-o', `data_file=${join(world.folder, 'data.raw')}`, split, '1M']);
    for (const image of [trap, split])
      await expect(world.a.driver.create(own, TAP, image)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringMatching(/built on another file; expected a self-contained/) as unknown,
      });
    expect(await world.a.driver.list()).toEqual([]);
    expect(await world.kept('a')).toEqual([]);
  });

  it('come from nothing but the image folders of their host, whatever leads out of them', async () => {
    const own = DesktopDefinition.parse({ ...definition, id: 'thief' });
    const images = join(world.folder, 'images');
    await mkdir(images);
    await symlink('/etc/passwd', join(images, 'link.raw'));
    await symlink('/etc', join(images, 'door'));
    const refusal = {
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/does not lie in an image folder of this host/) as unknown,
    };
    const names = [
      'link.raw',
      'door/passwd',
      '../../etc/passwd',
      '/etc/passwd',
      '/dev/zero',
      `${images}/../x`,
    ];
    for (const name of names) {
      await expect(world.a.driver.create(own, TAP, name)).rejects.toMatchObject(refusal);
      const boot = { ...smallDesktop('thief').boot, initrd: name };
      const booted = DesktopDefinition.parse({ ...own, boot });
      await expect(world.a.driver.create(booted, TAP, null)).rejects.toMatchObject(refusal);
      await expect(
        world.a.driver.prepareDisk({ desktop: own.id, moveId: 'm' }, booted, world.b.self),
      ).rejects.toMatchObject(refusal);
    }
    expect(await world.a.driver.list()).toEqual([]);
    expect(await world.kept('a')).toEqual([]);
  });

  it('are made anew where the worker was killed in the copy of the image, whose copy ends with it', async () => {
    const image = join(world.folder, 'large.raw');
    await runCommand(['dd', 'if=/dev/urandom', `of=${image}`, 'bs=1M', 'count=256', 'status=none']);
    const own = DesktopDefinition.parse({ ...definition, id: 'cut', diskMiB: 300 });
    const cutOff = async () => {
      let killed: Promise<void> | undefined;
      const making = world.a.driver.create(own, TAP, image, () => void (killed ??= world.a.kill()));
      await expect(making).rejects.toThrow('the worker died');
      await killed;
      while ((await world.processes('qemu-img')).length > 0) await sleep(50);
      world.a.start();
      expect(await world.a.driver.list()).toEqual([]);
    };
    await cutOff();
    await world.a.driver.remove(own.id);
    expect(await world.kept('a')).toEqual([]);
    await cutOff();
    const seen: number[] = [];
    await world.a.driver.create(own, TAP, image, (done) => seen.push(done));
    expect(seen.at(-1)).toBe(256 * 2 ** 20);
    const disk = await readFile(join(world.folder, 'a', 'disks', 'cut.home.raw'));
    expect(disk.subarray(0, 256 * 2 ** 20).equals(await readFile(image))).toBe(true);
    await world.a.driver.remove(own.id);
    expect(await world.kept('a')).toEqual([]);
  });

  it('boot from their own disk, and come up again when the guest reboots', async () => {
    // A boot sector that says K on the first serial port, waits, and resets through the keyboard controller.
    const code = [
      0xba, 0xf8, 0x03, 0xb0, 0x4b, 0xee, 0xb9, 0xff, 0xff, 0xe4, 0x80, 0xe2, 0xfc, 0xb0, 0xfe, 0xe6, 0x64,
      0xf4,
    ];
    const sector = Buffer.alloc(512);
    sector.set(code);
    sector.set([0x55, 0xaa], 510);
    const image = join(world.folder, 'boot.raw');
    await writeFile(image, sector);
    const own = DesktopDefinition.parse({ ...definition, id: 'bios', diskMiB: 1, boot: { kind: 'disk' } });
    await world.a.driver.create(own, TAP, image);
    await world.a.driver.start(own.id);
    const log = join(world.folder, 'a', 'logs', 'bios.home.serial.log');
    let said = '';
    for (let i = 0; i < 100 && said.length < 2; i++) {
      await sleep(100);
      said = await readFile(log, 'utf8');
    }
    expect(said).toMatch(/^KK/);
    await world.a.driver.stop(own.id, 0);
    await world.a.driver.remove(own.id);
  });

  it('are not made from an image that is known not to boot, and nothing is left of it', async () => {
    const disk = Buffer.alloc(2 ** 20);
    disk.set([0x55, 0xaa], 510);
    disk.write('EFI PART', 512, 'latin1');
    const image = join(world.folder, 'gpt.raw');
    await writeFile(image, disk);
    const own = DesktopDefinition.parse({ ...definition, id: 'gpt', diskMiB: 1, boot: { kind: 'disk' } });
    const before = await world.kept('a');
    await expect(world.a.driver.create(own, TAP, image)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/gpt\.raw cannot boot with firmware bios: .*no boot code/) as string,
    });
    expect(await world.kept('a')).toEqual(before);
  });

  it('are stopped when they power themselves off, and can be removed or started again then', async () => {
    // A boot sector that sleeps for ever: SLP_EN at the power management port that the firmware has set up.
    const sector = Buffer.alloc(512);
    sector.set([0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4]);
    sector.set([0x55, 0xaa], 510);
    const image = join(world.folder, 'off.raw');
    await writeFile(image, sector);
    const own = DesktopDefinition.parse({ ...definition, id: 'off', diskMiB: 1, boot: { kind: 'disk' } });
    const untilOff = async () => {
      for (let i = 0; i < 100 && (await world.a.driver.get(own.id))?.state !== 'stopped'; i++)
        await sleep(100);
      expect(await world.a.driver.get(own.id)).toMatchObject({ state: 'stopped' });
    };
    await world.a.driver.create(own, TAP, image);
    await world.a.driver.start(own.id);
    await untilOff();
    await world.a.driver.start(own.id);
    await untilOff();
    await world.a.driver.remove(own.id);
    expect(await world.kept('a')).toEqual([]);
  });

  it('tell the driver’s version and machines', async () => {
    const info = await world.a.driver.info();
    expect(info.driver).toBe('qemu-tcg');
    expect(info.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(info.machines).toContain('pc-i440fx-10.0');
  });
});
