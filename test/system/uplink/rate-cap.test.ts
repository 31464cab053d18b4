// The cap on a real link: two namespaces and a cable, TCP to two ports at once. The commands run inside the namespace by way of a helper.
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../os/run-command.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';
import type { Traffic, TrafficCap } from '../../../drivers/uplink/rate-cap.js';

const [near, far] = [`vmsr-a-${process.pid}`, `vmsr-b-${process.pid}`];
const peer = '10.202.0.2';
const driver = (name: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../../drivers/uplink/${name}`, import.meta.url)));

async function inNear(call: 'capTraffic' | 'uncapTraffic', argument: Traffic | TrafficCap): Promise<string> {
  return runNear(
    `import { ${call} } from ${driver('rate-cap.ts')}; await ${call}(${JSON.stringify(argument)}).catch((e) => { console.log(e.code + ' ' + e.message); });`,
  );
}
function runNear(code: string): Promise<string> {
  return runCommand(
    ['ip', 'netns', 'exec', near, process.execPath, '--import', 'tsx', '--input-type=module', '-e', code],
    { env: { NODE_OPTIONS: '' } },
  );
}
async function foreignQdisc(shapeUplink: boolean): Promise<unknown> {
  const look = `import { foreignQdisc } from ${driver('foreign-qdisc.ts')}; console.log(JSON.stringify(await foreignQdisc({ uplink: 'wan', shapeUplink: ${String(shapeUplink)} })));`;
  return JSON.parse(await runNear(look));
}
const tcShow = (what: string): Promise<string> =>
  runCommand(['ip', 'netns', 'exec', near, 'tc', what, 'show', 'dev', 'wan']);

/** Megabits a second that reach both ports together in `seconds`. */
async function throughput(ports: readonly number[], seconds: number): Promise<number> {
  // Counted from half a second after the first bytes, by the time that really passed: neither the start of the sender nor a late timer of
  // a busy machine is in it.
  const sink = `let n = 0, count = () => {
      count = () => 0;
      setTimeout(() => {
        const n0 = n, t0 = performance.now();
        setTimeout(() => { console.log((n - n0) / (performance.now() - t0)); process.exit(0); }, ${seconds * 1000});
      }, 500);
    };
    for (const p of ${JSON.stringify(ports)})
      require('net').createServer((s) => s.on('data', (d) => { n += d.length; count(); }).on('error', () => 0)).listen(p, '${peer}');`;
  const source = `for (const p of ${JSON.stringify(ports)}) { const go = () => { const s = require('net').connect(p, '${peer}'); const b = Buffer.alloc(65536); const f = () => { while (s.write(b)); }; s.on('connect', f).on('drain', f).on('error', () => setTimeout(go, 50)); }; go(); }`;
  const started: StartedCommand[] = [];
  const run = (ns: string, code: string): StartedCommand => {
    const child = startCommand(['ip', 'netns', 'exec', ns, process.execPath, '-e', code], {
      stderr: 'ignore',
      env: { NODE_OPTIONS: '' },
    });
    started.push(child);
    return child;
  };
  try {
    const receiver = run(far, sink);
    run(near, source);
    let text = '';
    receiver.stdout.on('data', (d: Buffer) => (text += d.toString()));
    await receiver.ended;
    // Bytes a millisecond.
    return (Number(text.trim()) * 8) / 1e3;
  } finally {
    for (const child of started) child.kill('SIGKILL');
  }
}

describe('a bandwidth cap on a link', () => {
  beforeEach(async () => {
    for (const ns of [near, far]) await runCommand(['ip', 'netns', 'add', ns]);
    await runCommand([
      'ip',
      '-n',
      near,
      'link',
      'add',
      'wan',
      'type',
      'veth',
      'peer',
      'name',
      'wan',
      'netns',
      far,
    ]);
    for (const [ns, address] of [
      [near, '10.202.0.1'],
      [far, peer],
    ] as const) {
      await runCommand(['ip', '-n', ns, 'addr', 'add', `${address}/30`, 'dev', 'wan']);
      await runCommand(['ip', '-n', ns, 'link', 'set', 'wan', 'up']);
    }
  });
  afterEach(async () => {
    for (const ns of [near, far]) await runCommand(['ip', 'netns', 'del', ns]).catch(() => undefined);
  });

  it('holds for all ports of a move together, while other traffic is free', async () => {
    expect(await inNear('capTraffic', { device: 'wan', peer, ports: [15901, 15902], mbps: 20 })).toBe('');
    const capped = await throughput([15901, 15902], 2);
    expect(capped).toBeGreaterThan(10);
    expect(capped).toBeLessThan(21);
    expect(await throughput([15903], 1)).toBeGreaterThan(60);
  });

  it('holds several moves together to the budget of the uplink', async () => {
    for (const port of [15901, 15902])
      expect(
        await inNear('capTraffic', { device: 'wan', peer, ports: [port], mbps: 20, budgetMbps: 24 }),
      ).toBe('');
    const together = await throughput([15901, 15902], 2);
    expect(together).toBeGreaterThan(12);
    expect(together).toBeLessThan(25.2);
    const alone = await throughput([15901], 1);
    expect(alone).toBeGreaterThan(10);
    expect(alone).toBeLessThan(21);
  });

  it('is refused where somebody else has set up the root qdisc, which stays, and which is found before any move', async () => {
    expect(await foreignQdisc(true)).toEqual([]);
    const tbf = ['root', 'tbf', 'rate', '60mbit', 'burst', '32kb', 'latency', '50ms'];
    await runCommand(['tc', '-n', near, 'qdisc', 'add', 'dev', 'wan', ...tbf]);
    expect(await inNear('capTraffic', { device: 'wan', peer, ports: [15901], mbps: 20 })).toMatch(
      /^PREREQUISITE wan has a root qdisc \(tbf/,
    );
    expect(await tcShow('qdisc')).toMatch(/^qdisc tbf/);
    expect(await foreignQdisc(false)).toEqual([]);
    expect(await foreignQdisc(true)).toEqual([
      { words: expect.stringContaining('of wan (tbf)') as string, remedy: ['tc qdisc del dev wan root'] },
    ]);
  });
});
