// Fifty desktops behind one tap, each with an address of its own and a user 20 ms away: films that are pulled, and people who type. Every
// look's filter sees the packets of all fifty, more than where each has its own tap.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrafficSampler } from '../../drivers/traffic/sampler.js';
import { inNamespace, ipBatch } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { startCommand } from '../../os/start-command.js';
import { processorSeconds } from '../fingerprint/cost.js';
import { GUEST_ADDRESS, RigNetwork, TAP } from '../fingerprint/network.js';

export const DESKTOPS = 50;
export const FILMS = 25;
export const FILM_FPS = 24;
const RTT_MS = 20;
const FRAME_BYTES = 16_000;
const ECHO_BYTES = 1_200;
const KEY_EVERY_MS = 220;
const PORT = 5901;
const SETTLE_MS = 3_000;
const DESKTOP_NET = '10.77.9';

/** Answers a request at the film's next frame, a key at once; the last number of its own address tells which desktop it is. */
const SERVERS = `
const frame = Buffer.alloc(${FRAME_BYTES}, 1), echo = Buffer.alloc(${ECHO_BYTES}, 2);
require('node:net').createServer({ noDelay: true }, (s) => {
  const film = Number(s.localAddress.split('.').at(-1)) <= ${FILMS};
  const every = 1000 / ${FILM_FPS};
  let sent = -1;
  s.on('error', () => {});
  s.on('data', () => {
    if (!film) return void s.write(echo);
    const now = performance.now(), due = Math.max(Math.floor(now / every), sent + 1);
    sent = due;
    setTimeout(() => s.write(frame), Math.max(0, due * every - now));
  });
}).listen(${PORT}, () => console.log('ready'));
`;
/** Prints the frames of all films so far each time that it is asked for them. */
const USERS = `
let frames = 0;
for (let n = 1; n <= ${DESKTOPS}; n++) {
  const s = require('node:net').connect({ host: '${DESKTOP_NET}.' + n, port: ${PORT}, noDelay: true });
  let bytes = 0;
  s.on('connect', () => {
    if (n > ${FILMS}) return void setInterval(() => s.write(Buffer.alloc(8)), ${KEY_EVERY_MS} * (0.7 + n / ${DESKTOPS}));
    s.write(Buffer.alloc(10));
  });
  s.on('data', (d) => {
    if (n > ${FILMS}) return;
    bytes += d.length;
    if (bytes % ${FRAME_BYTES} === 0) { frames++; s.write(Buffer.alloc(10)); }
  });
}
process.stdin.on('data', () => console.log(frames));
console.log('ready');
`;

export interface ActiveCost {
  /** Frames of all films in the time without and with sampling. */
  readonly plain: number;
  readonly sampled: number;
  /** Of one core, with every child. */
  readonly share: number;
  readonly looked: number;
  readonly found: number;
}

/** Measure for `seconds` without and as long with the sampler. */
export async function measureActive(seconds: number): Promise<ActiveCost> {
  const net = await RigNetwork.create('vsc', RTT_MS);
  const addresses = Array.from({ length: DESKTOPS }, (_, i) => `${DESKTOP_NET}.${i + 1}`);
  await ipBatch(
    addresses.map((a) => `addr add ${a}/32 dev eth0`),
    net.guest,
  );
  await ipBatch([`route add ${DESKTOP_NET}.0/24 via ${GUEST_ADDRESS}`], net.dom0);
  await ipBatch([`route add ${DESKTOP_NET}.0/24 via 192.0.2.2`], net.wan);
  const start = (namespace: string, program: string) =>
    startCommand(inNamespace(namespace, [process.execPath, '-e', program]), {
      stdin: 'pipe',
      stderr: 'inherit',
    });
  const servers = start(net.guest, SERVERS);
  try {
    await once(servers.stdout, 'data');
    const users = start(net.user, USERS);
    await once(users.stdout, 'data');
    const frames = async (): Promise<number> => {
      users.stdin.write('?');
      const [said] = (await once(users.stdout, 'data')) as [Buffer];
      return Number(said.toString());
    };
    await sleep(SETTLE_MS);
    const passing = async (): Promise<number> => {
      const before = await frames();
      await sleep(seconds * 1000);
      return (await frames()) - before;
    };
    const plain = await passing();
    const sampler = new TrafficSampler({
      run: (argv, options) => runCommand(inNamespace(net.dom0, argv), options),
      capturePrefix: inNamespace(net.dom0, []),
      onProblem: (message) => console.error(message),
    });
    for (const [i, internalAddress] of addresses.entries())
      await sampler.watch({ id: `d${i}`, tap: TAP, internalAddress, remoteDesktopPort: PORT });
    await sampler.start();
    const usedBefore = await processorSeconds();
    const sampled = await passing();
    const windows = await sampler.collect();
    await sampler.stop({ remove: true });
    const share = ((await processorSeconds()) - usedBefore) / seconds;
    const looked = windows.filter((w) => w.cycles !== undefined).length;
    const found = windows.filter((w) => w.remoteDesktop !== null).length;
    return { plain, sampled, share, looked, found };
  } finally {
    await net.destroy();
  }
}
