import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askAgent, readAddresses, setClock } from '../../../../drivers/qemu/process/guest-agent.js';

/** What a guest does with what it hears on its port. */
type Guest = (command: { execute: string; arguments?: Record<string, unknown> }, port: Socket) => void;

let folder: string;
let server: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-agent-'));
});
afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true });
});

/** Listen as QEMU does; gives the socket's path. `greeting` is what an asker before had not waited for. */
async function listen(guest: Guest, greeting = ''): Promise<string> {
  const path = join(folder, 'agent');
  server = createServer((port) => {
    port.on('error', () => undefined);
    port.write(greeting);
    let text = '';
    port.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').replaceAll('\xff', '');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) guest(JSON.parse(line) as Parameters<Guest>[0], port);
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

/** An agent that answers to the beginning as it must, and then as `rest` does. */
const agent =
  (rest: (command: Parameters<Guest>[0], port: Socket) => void): Guest =>
  (command, port) => {
    if (command.execute !== 'guest-sync-delimited') {
      rest(command, port);
      return;
    }
    port.write(Buffer.of(0xff));
    port.write(`${JSON.stringify({ return: command.arguments!['id'] })}\n`);
  };
const says = (text: string) => agent((_, port) => port.write(text));

const network = (...cards: object[]) => `${JSON.stringify({ return: cards })}\n`;
const card = (name: string, ...addresses: string[]) => ({
  name,
  'hardware-address': '52:54:00:00:00:01',
  'ip-addresses': addresses.map((a) => ({ 'ip-address': a, 'ip-address-type': 'ipv4', prefix: 24 })),
});

it('tells the addresses of all cards but the loopback', async () => {
  const text = network(
    card('lo', '127.0.0.1', '::1'),
    card('eth0', '10.77.0.2', 'fe80::5054:ff:fe00:1'),
    { name: 'wg0' },
    card('eth1', '192.0.2.7'),
  );
  const path = await listen(says(text));
  expect(await askAgent(path, readAddresses)).toEqual(['10.77.0.2', 'fe80::5054:ff:fe00:1', '192.0.2.7']);
});

it('takes what was meant for somebody before for no answer', async () => {
  const stale = `{"error": {"desc": "late"}}\n\xff{"return": 1}\n${network(card('eth0', '192.0.2.99'))}`;
  const path = await listen(says(network(card('eth0', '10.77.0.2'))), stale);
  expect(await askAgent(path, readAddresses)).toEqual(['10.77.0.2']);
});

it('takes sixteen addresses of a guest that has more', async () => {
  const many = Array.from({ length: 200 }, (_, i) => `10.0.0.${String(i)}`);
  const path = await listen(says(network(card('eth0', ...many))));
  expect(await askAgent(path, readAddresses)).toEqual(many.slice(0, 16));
});

it.each([
  ['an address that is none', network(card('eth0', '10.0.0.1; rm -rf /'))],
  ['another shape', '{"return": {"name": "eth0"}}\n'],
  ['an error', '{"error": {"class": "CommandNotFound", "desc": "disabled"}}\n'],
  ['neither', '{}\n'],
  ['no JSON', 'Password:\n'],
])('takes %s for no answer', async (_, text) => {
  const path = await listen(says(text));
  await expect(askAgent(path, readAddresses)).rejects.toThrow();
});

it('sets the clock to the one here and tells by how much it was behind', async () => {
  const sent: unknown[] = [];
  const path = await listen(
    agent(({ execute, arguments: args }, port) => {
      if (execute === 'guest-set-time') sent.push(args);
      port.write(`{"return": ${execute === 'guest-get-time' ? '1796075095194099000' : '{}'}}\n`);
    }),
  );
  expect(
    await askAgent(
      path,
      setClock(() => 1_796_075_095_694),
    ),
  ).toBe(500);
  expect(sent).toEqual([{ time: 1_796_075_095_694e6 }]);
});

it.each(['"soon"', '-1', 'null', '1e999'])(
  'sets no clock of a guest that says %s of its own',
  async (time) => {
    const asked: string[] = [];
    const path = await listen(
      agent(({ execute }, port) => {
        asked.push(execute);
        port.write(`{"return": ${time}}\n`);
      }),
    );
    await expect(
      askAgent(
        path,
        setClock(() => 1),
      ),
    ).rejects.toThrow();
    expect(asked).toEqual(['guest-get-time']);
  },
);

it('tells a guest without an agent nothing that it could do later', async () => {
  const asked: string[] = [];
  const path = await listen(({ execute }) => void asked.push(execute));
  await expect(
    askAgent(
      path,
      setClock(() => 1),
      50,
    ),
  ).rejects.toThrow(/within 50 ms/);
  expect(asked).toEqual(['guest-sync-delimited']);
});

it('hears no more than it must of a guest that does not stop, with lines and without', async () => {
  for (const text of ['x'.repeat(65_536), '{"return": 0}\n'.repeat(4_096)]) {
    const path = await listen((_, port) => {
      const go = (): unknown =>
        port.destroyed || (port.write(text) ? setImmediate(go) : port.once('drain', go));
      go();
    });
    await expect(askAgent(path, readAddresses, 60_000)).rejects.toThrow(/more than 262144 bytes/);
    server?.close();
    await rm(path, { force: true });
  }
});

it('ends with a guest that hangs up', async () => {
  const path = await listen((_, port) => port.end());
  await expect(askAgent(path, readAddresses)).rejects.toThrow(/closed/);
  await expect(askAgent(join(folder, 'nobody'), readAddresses)).rejects.toThrow(/ENOENT/);
});
