// Another firewall on the host drops what desktops need: it is found, and what is advised lets it pass (h16). Real rules, real packets.
import { CONTROL_PORT, definition, DESKTOP, HOSTS } from './support/lab.js';
import { DesktopSession } from './support/session.js';
import { foreignProblems, Ruleset } from '../../../guest-proxy/rules/foreign-rules.js';

const NS = HOSTS.a.namespace;
const ROUTER_ADDRESS = '198.51.100.1';

let session: DesktopSession;
beforeAll(async () => {
  session = await DesktopSession.create();
});
afterAll(() => session.dispose());

const inHost = (...argv: [string, ...string[]]) => session.lab.exec(NS, ...argv);
const problems = async () =>
  foreignProblems(
    Ruleset.parse(JSON.parse(await inHost('nft', '-j', 'list', 'ruleset'))),
    'wan0',
    CONTROL_PORT,
  );
const pings = () =>
  session.lab
    .exec(DESKTOP, 'ping', '-c', '1', '-W', '1', '-I', definition.network.address, ROUTER_ADDRESS)
    .then(
      () => true,
      () => false,
    );
async function follow(remedy: readonly string[]): Promise<void> {
  for (const line of remedy) await inHost('sh', '-c', line);
}

it('finds nothing to say of a host without one', async () => {
  expect(await pings()).toBe(true);
  expect(await problems()).toEqual([]);
});

it('names iptables where it drops what is forwarded, and what is advised lets desktops through', async () => {
  await inHost('iptables', '-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT');
  await inHost('iptables', '-P', 'FORWARD', 'DROP');
  expect(await pings()).toBe(false);
  const [found, ...more] = await problems();
  expect(more).toEqual([]);
  expect(found?.words).toMatch(/FORWARD .*iptables.* drops what desktops send/);
  await follow(found?.remedy ?? []);
  expect(await problems()).toEqual([]);
  expect(await pings()).toBe(true);
});

it('names a table of nft where it refuses what comes to the host, and the user is heard again', async () => {
  await inHost('nft', 'add', 'table', 'inet', 'fw');
  await inHost(
    'nft',
    'add',
    'chain',
    'inet',
    'fw',
    'in',
    '{ type filter hook input priority 10; policy drop; }',
  );
  await inHost('nft', 'add', 'rule', 'inet', 'fw', 'in', 'iifname', 'lo', 'accept');
  const [found, ...more] = await problems();
  expect(more).toEqual([]);
  expect(found?.words).toMatch(/DHCP.*users' proxies/);
  await follow(found?.remedy ?? []);
  expect(await problems()).toEqual([]);
  await session.proxy.kill();
  await session.restartProxy();
  await session.untilConnected();
});
