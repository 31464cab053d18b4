// What a host's proxy makes of the kernel, beside what any network promises (test/compliance/desktop-network.ts): tap, rules, DHCP, probes.
import { readFile } from 'node:fs/promises';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { GATEWAY_MAC, tapName } from '../../../guest-proxy/host/tap.js';
import { definition, DESKTOP, DESKTOP_PORT, HOSTS, RELAY_PORT, ROUTER } from './support/lab.js';
import { DesktopSession, sleep } from './support/session.js';

const other = DesktopDefinition.parse({
  ...definition,
  id: 'another-desktop-with-a-long-name',
  network: { address: '10.77.0.6', gateway: '10.77.0.5', mac: '52:54:00:77:00:06' },
});
const NS = HOSTS.a.namespace;

let session: DesktopSession;
beforeAll(async () => {
  session = await DesktopSession.create();
});
afterAll(async () => {
  await session.dispose();
});

/** Devices, addresses and rules of host A, without counters and flags that change by themselves. */
async function traces(): Promise<string> {
  const addresses = await session.lab.ip('-n', NS, '-br', 'addr');
  const rules = await session.lab.exec(NS, 'nft', '-s', 'list', 'table', 'ip', 'vmshadow_host');
  return addresses.replaceAll(/fe80\S+/g, '').replaceAll(/ +\n/g, '\n') + rules;
}

const dhcpServers = async () =>
  (await session.lab.exec(NS, 'ss', '-lunpH', 'sport = :67'))
    .split('\n')
    .filter((line) => line.includes('dnsmasq'));

it('makes a persistent tap with the gateway address and the MAC that is the same everywhere, and leaves nothing of it', async () => {
  const before = await traces();
  const tap = await session.call<string>('a', 'attach', other);
  expect(tap).toBe(tapName(other.id));
  expect(tap.length).toBeLessThanOrEqual(15);
  expect(await session.lab.ip('-n', NS, '-d', 'link', 'show', tap)).toMatch(/tun type tap .*persist on/);
  expect(await session.lab.ip('-n', NS, 'addr', 'show', tap)).toContain('inet 10.77.0.5/30');
  expect(await session.lab.ip('-n', NS, 'link', 'show', tap)).toContain(GATEWAY_MAC);
  const external = await session.call<string>('a', 'allocateExternal', other.id);
  expect(await session.call('a', 'allocateExternal', other.id)).toBe(external);
  await session.call('a', 'activate', other);
  expect(await traces()).toContain(`${external} : 10.77.0.6`);
  await session.call('a', 'detach', other.id);
  expect(await traces()).toBe(before);
});

it('gives a guest that asks its address by DHCP, also after the proxy was killed, by one server a tap', async () => {
  const ask = () =>
    session.lab.exec(DESKTOP, 'sh', '-c', 'busybox udhcpc -i eth0 -n -q -t 5 -T 1 -s /bin/true 2>&1');
  expect(await ask()).toContain('lease of 10.77.0.2 obtained');
  const [server, ...others] = await dhcpServers();
  expect(others).toEqual([]);
  // It opens its ports as root and goes on as a user of its own.
  const pid = /pid=(\d+)/.exec(server ?? '')?.[1] ?? '';
  expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t[1-9]\d*\t[1-9]/m);
  await session.hosts.a.kill();
  expect(await ask()).toContain('lease of 10.77.0.2 obtained');
  await session.restartHost('a');
  await session.call('a', 'attach', definition);
  expect(await dhcpServers()).toHaveLength(1);
});

it('measures the round trip from the user to each site, as the hosts report it', async () => {
  await session.untilConnected();
  // A round is three probes; the next report follows within 10 s.
  let rtts: { site: string; rttMs: number }[] = [];
  for (let i = 0; i < 60 && rtts.length < 2; i += 1) {
    await sleep(250);
    const [user] = await session.call<{ rtts: typeof rtts }[]>('a', 'userEndpoints');
    rtts = user?.rtts ?? [];
  }
  expect(rtts.map((r) => r.site).sort()).toEqual(['east', 'west']);
  for (const { rttMs } of rtts) expect(rttMs).toBeGreaterThan(0);
});

it('keeps more packets for a desktop that stands still than the kernel has room for by itself', async () => {
  await session.call('a', 'hold', definition.id);
  const to = `/dev/udp/${session.external}/${String(DESKTOP_PORT)}`;
  await session.lab.exec(ROUTER, 'bash', '-c', `for i in {1..2000}; do echo -n x >${to}; done`);
  const queues = await session.lab.exec(NS, 'cat', '/proc/net/netfilter/nfnetlink_queue');
  const [, waiting, dropped] = /^ *7946 +\d+ +(\d+) +\d+ +\d+ +(\d+)/m.exec(queues) ?? [];
  expect(Number(waiting)).toBeGreaterThanOrEqual(2_000);
  expect(dropped).toBe('0');
  // The kernel counts twice what is asked for.
  const relay = await session.lab.exec(NS, 'ss', '-ulnmH', `sport = :${String(RELAY_PORT)}`);
  expect(relay).toContain(`rb${String(16 * 2 ** 20)}`);
  await session.call('a', 'releaseHere', definition.id);
});
