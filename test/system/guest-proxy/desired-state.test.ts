// Somebody else flushes rules, takes addresses away, turns settings off: it is back within seconds and an open connection lives (promise 12).
// Real rules, addresses and streams; each case is done at the host of the desktop, or at the user's machine after a move.
import { CLIENT, definition, HOSTS } from './support/lab.js';
import { DesktopSession, expectWhole, sleep, until } from './support/session.js';
import { tapName } from '../../../guest-proxy/host/tap.js';

const NS = HOSTS.a.namespace;
const TAP = tapName(definition.id);
const { address, gateway, mac } = definition.network;

let session: DesktopSession;
beforeAll(async () => {
  session = await DesktopSession.create();
});
afterEach(async () => {
  await session.endStreams();
});
afterAll(async () => {
  await session.dispose();
});

const inHost = (...argv: [string, ...string[]]) => session.lab.exec(NS, ...argv);
const rules = () => inHost('nft', '-s', 'list', 'table', 'ip', 'vmshadow_host').catch(() => '');

/** What the kernel holds for the desktop at its host. */
async function held(): Promise<string> {
  const parts = [
    await rules(),
    await inHost('ip', '-br', '-4', 'addr', 'show', 'dev', 'wan0'),
    await inHost('ip', '-br', '-4', 'addr', 'show', 'dev', TAP).catch(() => ''),
    await inHost('ip', '-4', 'neigh', 'show', 'nud', 'permanent', 'dev', TAP).catch(() => ''),
    await inHost('sysctl', '-n', 'net.ipv4.ip_forward'),
    await inHost('iptables', '-t', 'raw', '-S', 'PREROUTING').catch(() => ''),
  ];
  return parts.join('\n');
}

it.each<[string, () => Promise<unknown>]>([
  ['flushes all rules', () => inHost('nft', 'flush', 'ruleset')],
  ['deletes the table', () => inHost('nft', 'delete', 'table', 'ip', 'vmshadow_host')],
  ['empties a map', () => inHost('nft', 'flush', 'map', 'ip', 'vmshadow_host', 'outward')],
  ['flushes iptables', () => inHost('iptables', '-t', 'raw', '-F')],
  ['takes the external address', () => inHost('ip', 'addr', 'del', `${session.external}/32`, 'dev', 'wan0')],
  ['takes the gateway address', () => inHost('ip', 'addr', 'del', `${gateway}/30`, 'dev', TAP)],
  ['takes the neighbour', () => inHost('ip', 'neigh', 'del', address, 'lladdr', mac, 'dev', TAP)],
  ['sets the tap down', () => inHost('ip', 'link', 'set', TAP, 'down')],
  ['turns forwarding off', () => inHost('sysctl', '-qw', 'net.ipv4.ip_forward=0')],
])('at the host: somebody %s', async (_, vandalism) => {
  const before = await held();
  const stream = await session.stream({ server: true, client: true });
  await sleep(300);
  await vandalism();
  await until('all is back', async () => (await held()) === before, 5_000 * 6);
  await sleep(300);
  expectWhole(await stream.finish());
});

it('says in its report what was put back, so that an operator hears of it', async () => {
  await inHost('ip', 'addr', 'del', `${session.external}/32`, 'dev', 'wan0');
  await until('it is said', async () => {
    const notes = await session.call<string[]>('a', 'notes');
    return notes.some((words) => /somebody else took away the address .*: each was put back/.test(words));
  });
});

it('at the user\u2019s machine after a move: somebody flushes all rules', async () => {
  const stream = await session.stream({ server: true, client: true });
  const { change } = await session.move();
  await session.cleanUp(change);
  await session.untilConnected();
  const standing = () => session.lab.exec(CLIENT, 'nft', '-s', 'list', 'ruleset');
  // Its rules are read once they have been still for a look.
  let before = '';
  for (let now = await standing(); now !== before; now = await standing()) {
    before = now;
    await sleep(2_500);
  }
  await session.lab.exec(CLIENT, 'nft', 'flush', 'ruleset');
  await until('the rules are back', async () => (await standing()) === before, 30_000);
  // Counted once they were read back, which is after they stand.
  await until('it is counted', async () => (await session.status()).restored > 0);
  expectWhole(await stream.finish());
});
