// Who sits in a guest may do what a guest may, and no more (promise 11): it sends from its own addresses and reaches of its host DHCP and DNS.
// Real packets from the guest's end of its cable; what passes is counted at the host and on the router behind it.
import { definition, DESKTOP, HOSTS, ROUTER } from './support/lab.js';
import { DesktopSession, until } from './support/session.js';

const NS = HOSTS.a.namespace;
const { address, gateway, mac } = definition.network;
const ROUTER_ADDRESS = '198.51.100.1';
const NEIGHBOUR = '10.77.0.6';

let session: DesktopSession;
beforeAll(async () => {
  session = await DesktopSession.create();
  await session.lab.nft(
    ROUTER,
    `table ip seen { counter foreign { }
      chain pre { type filter hook prerouting priority -300; iifname "ra" ip saddr != { 198.51.100.0/24 } counter name foreign
      }
    }`,
  );
});
afterAll(async () => {
  await session.dispose();
});

/** True when an answer comes within a second. */
async function answers(...argv: [string, ...string[]]): Promise<boolean> {
  return session.lab.exec(DESKTOP, ...argv).then(
    () => true,
    () => false,
  );
}
const pings = (from: string, to: string) => answers('ping', '-c', '1', '-W', '1', '-I', from, to);

async function counted(namespace: string, ...what: string[]): Promise<number> {
  const text = await session.lab.exec(namespace, 'nft', 'list', ...what);
  return [...text.matchAll(/packets (\d+)/g)].reduce((n, m) => n + Number(m[1]), 0);
}
const dropped = () => counted(NS, 'chain', 'ip', 'vmshadow_host', 'guest');
const refused = () => counted(NS, 'chain', 'ip', 'vmshadow_host', 'host');
const foreign = () => counted(ROUTER, 'counter', 'ip', 'seen', 'foreign');

/** What `tries` does is not answered, and counted by `counter`; again where the counts began anew meanwhile, as with each change of rules. */
async function expectCounted(counter: () => Promise<number>, tries: () => Promise<boolean>): Promise<void> {
  await until('it is counted', async () => {
    const before = await counter();
    expect(await tries()).toBe(false);
    return (await counter()) > before;
  });
}

/** Have the guest use another address, or another MAC, for as long as `work` takes. */
async function as(other: { address?: string; mac?: string }, work: () => Promise<void>): Promise<void> {
  const link = (value: string) => session.lab.ip('-n', DESKTOP, 'link', 'set', 'eth0', 'address', value);
  if (other.address !== undefined)
    await session.lab.ip('-n', DESKTOP, 'addr', 'add', `${other.address}/32`, 'dev', 'eth0');
  if (other.mac !== undefined) await link(other.mac);
  try {
    await work();
  } finally {
    if (other.address !== undefined)
      await session.lab.ip('-n', DESKTOP, 'addr', 'del', `${other.address}/32`, 'dev', 'eth0');
    if (other.mac !== undefined) await link(mac);
  }
}

it('lets a guest out by its own address, and in what answers it', async () => {
  expect(await pings(address, ROUTER_ADDRESS)).toBe(true);
  expect(await dropped()).toBe(0);
});

it.each([
  ['another desktop’s internal address', { address: NEIGHBOUR }],
  ['an address of the world', { address: '8.8.4.4' }],
  ['an external address of its host', { address: HOSTS.a.pool[1] }],
  ['another MAC', { mac: '52:54:00:77:00:99' }],
])('drops at the tap what a guest sends from %s', async (_, other) => {
  const passed = await foreign();
  const from = 'address' in other ? other.address : address;
  await as(other, () => expectCounted(dropped, () => pings(from, ROUTER_ADDRESS)));
  expect(await foreign()).toBe(passed);
  expect(await pings(address, ROUTER_ADDRESS)).toBe(true);
});

it('lets no guest reach another one by its internal address', async () => {
  const other = {
    ...definition,
    id: 'neighbour',
    network: { address: NEIGHBOUR, gateway: '10.77.0.5', mac: '52:54:00:77:00:06' },
  };
  await session.call('a', 'attach', other);
  await expectCounted(dropped, () => pings(address, NEIGHBOUR));
  await session.call('a', 'detach', other.id);
});

it('answers a guest nothing of its host but DHCP and DNS', async () => {
  const listening = `require('net').createServer((s) => s.end('in')).listen(7233, '0.0.0.0'); setTimeout(() => process.exit(), 60_000)`;
  const server = session.lab.exec(NS, process.execPath, '-e', listening).catch(() => undefined);
  const connects = (host: string) =>
    answers(
      process.execPath,
      '-e',
      `const s = require('net').connect(7233, '${host}'); s.on('connect', () => process.exit(0)); s.on('error', () => process.exit(1)); setTimeout(() => process.exit(1), 1_500)`,
    );
  const fromHost = () =>
    session.lab.exec(
      NS,
      process.execPath,
      '-e',
      `const s = require('net').connect(7233, '127.0.0.1'); s.on('connect', () => process.exit(0)); s.on('error', () => process.exit(1))`,
    );
  for (let up = false; !up;)
    up = await fromHost().then(
      () => true,
      () => false,
    );
  for (const host of [gateway, HOSTS.a.address, session.external]) expect(await connects(host)).toBe(false);
  await expectCounted(refused, () => pings(address, gateway));
  expect(
    await session.lab.exec(DESKTOP, 'sh', '-c', 'busybox udhcpc -i eth0 -n -q -t 5 -T 1 -s /bin/true 2>&1'),
  ).toContain(`lease of ${address} obtained`);
  // `version.bind`, which a name server answers by itself: there is none further on in here.
  const asks = `const d = require('dgram').createSocket('udp4'); d.send(Buffer.from('0001010000010000000000000776657273696f6e0462696e640000100003', 'hex'), 53, '${gateway}'); d.on('message', () => process.exit(0)); setTimeout(() => process.exit(1), 5_000)`;
  expect(await answers(process.execPath, '-e', asks)).toBe(true);
  for (const pid of (await session.lab.exec(NS, 'ss', '-ltnpH', 'sport = :7233')).matchAll(/pid=(\d+)/g))
    process.kill(Number(pid[1]), 'SIGKILL');
  await server;
});
