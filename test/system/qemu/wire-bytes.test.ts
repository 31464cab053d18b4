import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../os/run-command.js';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { TAP, TwoHosts, copyDisk, copyMemory, smallDesktop } from './two-hosts.js';
import { smallGuest } from '../../../lab/images/locate.js';

/** Beside the image's own 5 MiB: what the empty disk of half a GiB holds. */
const DATA_MIB = 24;

describe('what a move says that it put on the wire', () => {
  const definition = { ...smallDesktop('sparse', { 'vms.dirty': '500:4' }), diskMiB: 512 };
  const move: MoveKey = { desktop: definition.id, moveId: 'move-sparse' };
  let world: TwoHosts;
  beforeAll(async () => {
    world = await TwoHosts.make();
    const image = join(world.folder, 'sparse.raw');
    await runCommand(['cp', '--sparse=always', smallGuest().disk, image]);
    const file = await open(image, 'r+');
    await file.truncate(512 * 2 ** 20);
    const data = Buffer.alloc(2 ** 20, 'data ');
    for (let i = 0; i < DATA_MIB; i++) await file.write(data, 0, data.length, (100 + 16 * i) * 2 ** 20);
    await file.close();
    await world.a.driver.create(definition, TAP, image);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
  });
  afterAll(() => world.remove());

  /** IP bytes that have left the source towards the target so far, by the interface's own count. */
  async function onTheWire(): Promise<number> {
    const text = await runCommand(['ip', '-n', world.a.namespace, '-j', '-s', 'link', 'show', 'wan']);
    const [link] = JSON.parse(text) as { stats64: { tx: { bytes: number; packets: number } } }[];
    const { bytes, packets } = link!.stats64.tx;
    return bytes - packets * 14;
  }

  it('agrees with the interface, for a disk that is mostly zeros and for memory, TLS and headers included', async () => {
    await runCommand([
      'ip',
      'netns',
      'exec',
      world.a.namespace,
      'ethtool',
      '-K',
      'wan',
      'tso',
      'off',
      'gso',
      'off',
    ]);
    const before = await onTheWire();
    await copyDisk(world.a, world.b, move, definition);
    const disk = await world.a.driver.diskProgress(move);
    const afterDisk = await onTheWire();
    await copyMemory(world.a, world.b, move, definition);
    const result = await world.a.driver.switchover(
      move,
      2_000,
      () => undefined,
      new AbortController().signal,
    );
    const afterMemory = await onTheWire();
    expect(disk.totalBytes).toBeGreaterThanOrEqual(512 * 2 ** 20);
    expect(Math.abs(disk.wireBytes! / (afterDisk - before) - 1)).toBeLessThan(0.03);
    const all = result.wireBytes.disk! + result.wireBytes.memory!;
    expect(Math.abs(all / (afterMemory - before) - 1)).toBeLessThan(0.03);
  });
});
