// What sampling costs: processor time for 50 desktops at rest, and the throughput of a desktop with and without it.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrafficSampler } from '../../drivers/traffic/sampler.js';
import { execIn, inNamespace } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { startCommand } from '../../os/start-command.js';
import { GUEST_ADDRESS, RigNetwork, TAP } from './network.js';

export interface Cost {
  /** Share of one core, with every child process. */
  readonly restShare: number;
  readonly throughputLoss: number;
  readonly pairs: number;
  readonly plainMbps: readonly number[];
  readonly sampledMbps: readonly number[];
  /** The same without a cap: what one core can carry at all, with more scatter. */
  readonly uncapped: { readonly plainMbps: readonly number[]; readonly sampledMbps: readonly number[] };
}

/** A desktop's uplink. */
const UPLINK_MBPS = 1_000;

const REST_MS = 40_000;
const PAIRS = 9;
const TRANSFER_MS = 1_500;
const SINK_PORT = 9000;
/** Linux counts processor time in these (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Measure both on a quiet machine. */
export async function measureCost(): Promise<Cost> {
  const net = await RigNetwork.create('vfc', 1);
  try {
    const restShare = await rest(net);
    const uncapped = await throughput(net);
    await net.capUplink(UPLINK_MBPS);
    return { restShare, ...(await throughput(net)), uncapped };
  } finally {
    await net.destroy();
  }
}

function samplerOf(net: RigNetwork, quick: boolean): TrafficSampler {
  return new TrafficSampler({
    run: (argv, options) => runCommand(inNamespace(net.dom0, argv), options),
    capturePrefix: inNamespace(net.dom0, []),
    ...(quick ? { turnMs: 200, sampleMs: 5_000, sampleEveryMs: 100 } : {}),
  });
}

/** 50 desktops, each with keep-alives of a few flows in the kernel's sets, nobody working. */
async function rest(net: RigNetwork): Promise<number> {
  const sampler = samplerOf(net, false);
  await sampler.start();
  for (let i = 0; i < 50; i++)
    await sampler.watch({
      id: `d${i}`,
      tap: i === 0 ? TAP : `tap${i}`,
      internalAddress: i === 0 ? GUEST_ADDRESS : `10.77.${1 + Math.floor(i / 60)}.${(i % 60) * 4 + 2}`,
      remoteDesktopPort: 5901,
    });
  // 150 flows, as of 50 desktops with three open connections each.
  await execIn(net.guest, [
    'bash',
    '-c',
    'for i in $(seq 150); do printf x >/dev/udp/192.0.2.77/$((10000 + i)); done',
  ]);
  const before = await processorSeconds();
  await sleep(REST_MS);
  await sampler.collect();
  const used = (await processorSeconds()) - before;
  await sampler.stop({ remove: true });
  return used / (REST_MS / 1000);
}

/** Give the processor seconds of this process and of its children that have ended. */
export async function processorSeconds(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime: fields 14 to 17.
  return fields.slice(11, 15).reduce((n, f) => n + Number(f), 0) / TICKS_PER_SECOND;
}

/** Bulk data from the desktop, by turns without and with counting and headers of this very flow sampled. */
async function throughput(net: RigNetwork): Promise<Omit<Cost, 'restShare' | 'uncapped'>> {
  const sink = spawnIn(
    net.wan,
    `require('node:net').createServer((s) => s.resume()).listen(${SINK_PORT}, () => console.log('ready'))`,
  );
  await once(sink.stdout, 'data');
  const plainMbps: number[] = [];
  const sampledMbps: number[] = [];
  try {
    for (let i = 0; i < PAIRS; i++) {
      plainMbps.push(await transfer(net));
      const sampler = samplerOf(net, true);
      await sampler.watch({ id: 'd', tap: TAP, internalAddress: GUEST_ADDRESS, remoteDesktopPort: 5901 });
      await sampler.start();
      sampledMbps.push(await transfer(net));
      await sampler.stop({ remove: true });
    }
  } finally {
    sink.kill('SIGTERM');
    await sink.ended;
  }
  const losses = plainMbps.map((plain, i) => 1 - (sampledMbps[i] ?? 0) / plain).sort((a, b) => a - b);
  return { throughputLoss: losses[Math.floor(PAIRS / 2)] ?? 1, pairs: PAIRS, plainMbps, sampledMbps };
}

async function transfer(net: RigNetwork): Promise<number> {
  const child = spawnIn(
    net.guest,
    `const s = require('node:net').connect(${SINK_PORT}, '192.0.2.1'); const b = Buffer.alloc(65536); let n = 0; let t;
     const fill = () => { while (s.write(b)) n += b.length; n += b.length; };
     s.on('connect', () => { t = performance.now(); fill(); setTimeout(() => { console.log(n * 8 / 1000 / (performance.now() - t)); process.exit(0); }, ${TRANSFER_MS}); });
     s.on('drain', fill);`,
  );
  const [out] = (await once(child.stdout, 'data')) as [Buffer];
  await child.ended;
  return Number(out.toString());
}

function spawnIn(namespace: string, program: string) {
  return startCommand(inNamespace(namespace, [process.execPath, '-e', program]), { stderr: 'inherit' });
}
