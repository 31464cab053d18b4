// Whole IP packets on a real link: two namespaces and a cable. The sender runs inside the namespace by way of a helper.
import { runCommand } from '../../../os/run-command.js';
import { Helper } from '../../support/rpc.js';

const [near, far] = [`vmsraw-a-${String(process.pid)}`, `vmsraw-b-${String(process.pid)}`];
const PEER = '10.203.0.2';
/** No route leads there. */
const NOWHERE = '192.0.2.1';
const script = new URL('./support/raw-sender-process.ts', import.meta.url);
let sender: Helper;

const ip = (...argv: string[]) => runCommand(['ip', ...argv]);
const send = (...destinations: string[]) =>
  sender.call<{ code: string | null; longestStallMs: number }>('send', destinations);

/** How many of the sender's marked datagrams were counted on their way out. */
async function counted(): Promise<number> {
  const text = await ip('netns', 'exec', near, 'nft', 'list', 'counters');
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

beforeEach(async () => {
  for (const ns of [near, far]) await ip('netns', 'add', ns);
  await ip('-n', near, 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'wan', 'netns', far);
  await ip('-n', near, 'addr', 'add', '10.203.0.1/24', 'dev', 'wan');
  await ip('-n', far, 'addr', 'add', `${PEER}/24`, 'dev', 'wan');
  for (const ns of [near, far]) await ip('-n', ns, 'link', 'set', 'wan', 'up');
  await runCommand(['ip', 'netns', 'exec', near, 'nft', '-f', '-'], {
    input: `table ip watch { counter marked { }
      chain post { type filter hook postrouting priority 0; meta mark 0x20000000 ip daddr ${PEER} counter name marked
      }
    }`,
  });
});
afterEach(async () => {
  await sender.kill();
  for (const ns of [near, far]) await ip('netns', 'del', ns).catch(() => undefined);
});

it('sends marked packets, and those after one that cannot leave', async () => {
  sender = Helper.spawn(near, script);
  expect(await send(PEER, PEER)).toMatchObject({ code: null });
  expect(await send(PEER, NOWHERE, PEER)).toMatchObject({ code: 'NETWORK' });
  expect(await counted()).toBe(4);
});

it('lets everything else run while a link takes nothing, and gives up after two seconds', async () => {
  await runCommand(
    `tc -n ${near} qdisc add dev wan root tbf rate 8bit burst 1540 limit 10000000`.split(' ') as [string],
  );
  sender = Helper.spawn(near, script);
  const begun = performance.now();
  const { code, longestStallMs } = await send(...Array.from({ length: 2_000 }, () => PEER));
  expect(code).toBe('NETWORK');
  expect(performance.now() - begun).toBeGreaterThan(2_000);
  expect(longestStallMs).toBeLessThan(1_000);
});

it('says that a capability is missing', async () => {
  sender = Helper.spawn(near, script, ['setpriv', '--bounding-set', '-net_raw']);
  expect(await send(PEER)).toMatchObject({ code: 'PREREQUISITE' });
  expect(await counted()).toBe(0);
});
