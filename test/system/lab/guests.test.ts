// The guest images alive: the small guest's services notice what they are there for, and the desktop shows what its user does. Needs root.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync, statSync } from 'node:fs';
import { checkoutFolder, desktopImage, smallGuest } from '../../../lab/images/locate.js';
import { prepareDisk } from '../../../lab/images/prepare-disk.js';
import { startGuest, type LabGuest } from '../../../lab/images/start-guest.js';
import { Gate } from '../../../lab/net/gate.js';
import { World } from '../../../lab/net/world.js';
import { openSocket, RfbClient } from '../../../lab/rfb/rfb-client.js';
import { framesOf, readSessionLog } from '../../../lab/rfb/session-log.js';
import { StreamClient } from '../../../lab/stream/stream-client.js';
import { runCommand } from '../../../os/run-command.js';
import { askGuest } from '../../../lab/stream/guest-control.js';
import { cursorColumn, firstLine } from './editor-screen.js';

let world: World;
let small: LabGuest;
let desktop: LabGuest;
const gates: Gate[] = [];
const namespace = () => world.host('a').namespace;

beforeAll(async () => {
  world = await World.create({ prefix: 'labtg', sites: [{ id: 'a' }] });
  [small, desktop] = await Promise.all([
    startGuest(world, namespace(), {
      image: smallGuest(),
      memoryMiB: 96,
      network: 1,
      keys: { 'vms.disk': '400:4', 'vms.dirty': '2000:8:fill' },
    }),
    startGuest(world, namespace(), {
      image: desktopImage(),
      memoryMiB: 128,
      network: 2,
      keys: { 'vms.app': 'text' },
    }),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all(gates.map((gate) => gate.close()));
  await world.destroy();
});

async function gateTo(guest: LabGuest, port: number): Promise<number> {
  const gate = await Gate.open(world, { namespace: namespace(), address: guest.address, port });
  gates.push(gate);
  return gate.port;
}

describe('the small guest', () => {
  it('answers each record with one, in order and undamaged', async () => {
    const client = await StreamClient.open({
      host: '127.0.0.1',
      port: await gateTo(small, 5901),
      guestPayloadBytes: 4096,
      payloadBytes: 512,
    });
    client.pull();
    await new Promise<void>((resolve) =>
      client.onRecord(({ sequence }) => (sequence < 50 ? client.send() : resolve())),
    );
    expect(client.state).toMatchObject({ received: 51, errors: 0, guestErrors: 0, lost: null });
    client.close();
  });

  it('sends by itself at the interval that was asked for, and reports errors in what it gets', async () => {
    const client = await StreamClient.open({ host: '127.0.0.1', port: gates[0]!.port, intervalMs: 50 });
    client.send();
    client.send();
    const begun = performance.now();
    await new Promise<void>((resolve) =>
      client.onRecord(({ sequence }) => (sequence >= 20 ? resolve() : undefined)),
    );
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(client.state).toMatchObject({ errors: 0, guestErrors: 0, guestReceived: 2 });
    client.close();
  });

  it('finds every block of its disk as memory says, while it writes and dirties memory', async () => {
    const port = await gateTo(small, 7001);
    const status = await askGuest('127.0.0.1', 'verify', port);
    expect(status.verify).toEqual({ done: true, blocks: 1024, bad: 0 });
    expect(status.disk).toMatchObject({ errors: 0 });
    expect(status.disk.blocksWritten).toBeGreaterThan(1024);
    expect(status.memory.errors).toBe(0);
    expect(status.memory.pagesTouched).toBeGreaterThan(0);
  });

  it('notices a block that somebody else wrote', async () => {
    // The pattern file's blocks stand in one place on the disk: overwrite one with another block of the same file.
    const disk = join(world.folder, `${namespace()}-1.raw`);
    const image = readFileSync(disk);
    const words = new BigUint64Array(image.buffer, image.byteOffset, image.length / 8);
    // A block of the pattern is 512 different words; any file system structure repeats some.
    const isPattern = (at: number) => new Set(words.subarray(at / 8, at / 8 + 512)).size === 512;
    const blocks = Array.from({ length: image.length / 4096 }, (_, i) => i * 4096).filter(isPattern);
    expect(blocks.length).toBeGreaterThanOrEqual(1024);
    const { open } = await import('node:fs/promises');
    const file = await open(disk, 'r+');
    // Many, since the guest may be writing some of them anew just now.
    for (const at of blocks.slice(0, 50)) await file.write(image, blocks[500], 4096, at);
    await file.sync();
    await file.close();
    const { verify } = await askGuest('127.0.0.1', 'verify', gates[1]!.port);
    expect(verify.bad).toBeGreaterThan(20);
    expect(verify.bad).toBeLessThanOrEqual(50);
  });
});

describe('the disk of a desktop', () => {
  it('is grown and filled as asked, and its file system is whole', async () => {
    const target = join(world.folder, 'prepared.raw');
    const used = await prepareDisk(desktopImage(), target, { diskMiB: 768, usedMiB: 200 });
    expect(Math.abs(used - 200)).toBeLessThan(20);
    expect(statSync(target).size).toBe(768 * 2 ** 20);
    await runCommand(['e2fsck', '-fn', target]);
    await expect(prepareDisk(desktopImage(), target, { diskMiB: 100 })).rejects.toThrow(/cannot be made/);
  });
});

describe('the desktop', () => {
  it('shows what is typed at the thin client', async () => {
    const client = await RfbClient.start(await openSocket('127.0.0.1', await gateTo(desktop, 5901)));
    const running = client.run(() => undefined);
    const untilCursorAt = async (column: number) => {
      while (cursorColumn(client.screen) !== column) await sleep(50);
    };
    // The editor is up and has the focus; how long that takes depends on what else the machine does.
    await untilCursorAt(0);
    const before = firstLine(client.screen, 1, 5);
    for (const key of 'hello') client.pressKey(key.charCodeAt(0));
    await untilCursorAt(5);
    const [h, e, l, again, o] = firstLine(client.screen, 0, 5);
    expect(again).toBe(l);
    expect(new Set([h, e, l, o]).size).toBe(4);
    expect(firstLine(client.screen, 6, 5)).toEqual(before);
    client.stop();
    await running;
  });

  it('is followed and logged by the client process over one connection', async () => {
    const log = join(world.folder, 'vnc.log');
    const main = join(checkoutFolder(), 'lab', 'rfb', 'client-main.ts');
    const tsx = join(checkoutFolder(), 'node_modules', '.bin', 'tsx');
    const args = ['--host', desktop.address, '--log', log, '--seconds', '5', '--type-rate', '400'];
    const child = world.spawn(namespace(), [tsx, main, ...args], { logFile: join(world.folder, 'vnc.out') });
    expect((await child.ended).exitCode).toBe(0);
    const events = readSessionLog(log);
    const [connected] = events.filter((e) => e.event === 'connected');
    const [end] = events.filter((e) => e.event === 'end');
    expect(connected!.localPort).toBe(end!.localPort);
    expect(end!.why).toBe('asked');
    const keys = events.filter((e) => e.event === 'key').length;
    expect(keys).toBeGreaterThan(5);
    // One frame may show several keys.
    expect(framesOf(events).length).toBeGreaterThan(1);
    for (const frame of framesOf(events)) expect(frame.responseMs).toBeGreaterThanOrEqual(0);
  });
});
