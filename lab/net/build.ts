// Makes what plan.ts names: namespaces, veth pairs, addresses, routes, NATs, the management bridge and the WAN's rules, in that order.
// Half-made worlds are the caller's to remove.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pMap from 'p-map';
import { COMMANDS_AT_A_TIME, execIn, ipBatch, tcBatch } from './commands.js';
import { startDelayDaemon } from './delay-daemon.js';
import {
  HOME_PREFIX,
  MANAGEMENT_PREFIX,
  UPLINK_PREFIX,
  type UserPlan,
  type WorldPlan,
  type WorldSpec,
} from './plan.js';
import { coreClasses, pairsOf, renderCoreRules, renderQueueRules } from './wan.js';

/** Make the world; tells whether netem delays packets (else the daemon does). */
export async function buildWorld(
  spec: WorldSpec,
  plan: WorldPlan,
  folder: string,
): Promise<{ netem: boolean }> {
  await makeNamespaces(plan);
  await makeAddresses(plan);
  await pMap(plan.users, makeNat, COMMANDS_AT_A_TIME);
  const core = plan.coreNamespace;
  const netem = await hasNetem(core);
  const pairs = pairsOf(plan);
  await tcBatch(coreClasses(plan, pairs, spec, netem), core);
  const rules = renderCoreRules(pairs);
  writeFileSync(join(folder, 'core.nft'), rules);
  await execIn(core, ['nft', '-f', '-'], { input: rules });
  if (!netem && pairs.length > 0) {
    await startDelayDaemon(core, folder, pairs, spec);
    await execIn(core, ['iptables-restore', '-w'], { input: renderQueueRules(pairs) });
  }
  return { netem };
}

async function makeNamespaces(plan: WorldPlan): Promise<void> {
  const { coreNamespace: core, controlNamespace: control, hosts, users } = plan;
  const namespaces = [
    core,
    control,
    ...hosts.map((h) => h.namespace),
    ...users.flatMap((u) => [u.namespace, u.clientNamespace]),
  ];
  await ipBatch([
    ...namespaces.map((name) => `netns add ${name}`),
    ...[...hosts, ...users].map(
      (leg) =>
        `link add ${leg.device} netns ${leg.namespace} type veth peer name ${leg.coreDevice} netns ${core}`,
    ),
    ...hosts.map(
      (h, i) => `link add mgmt0 netns ${h.namespace} type veth peer name m${String(i)} netns ${control}`,
    ),
    ...users.map(
      (u) => `link add eth0 netns ${u.clientNamespace} type veth peer name lan0 netns ${u.namespace}`,
    ),
  ]);
  await pMap(namespaces, setKernelOptions, COMMANDS_AT_A_TIME);
}

/** Routers forward; source checks would drop packets whose addresses are rewritten; IPv6 would only add noise to captures. */
async function setKernelOptions(namespace: string): Promise<void> {
  const options = [
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.disable_ipv6=1',
    'net.ipv6.conf.default.disable_ipv6=1',
  ];
  const rpFilter = ['net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0'];
  await execIn(namespace, ['sysctl', '-qw', ...options, ...rpFilter]);
}

async function makeAddresses(plan: WorldPlan): Promise<void> {
  const { coreNamespace: core, controlNamespace: control, hosts, users } = plan;
  const legs = [...hosts, ...users];
  const length = String(UPLINK_PREFIX);
  const up = (device: string) => `link set ${device} up`;
  await ipBatch(
    [
      up('lo'),
      ...legs.flatMap((leg) => [
        `addr add ${leg.coreAddress}/${length} dev ${leg.coreDevice}`,
        up(leg.coreDevice),
      ]),
      ...hosts.map((h) => `route add ${h.externalPool} via ${h.address}`),
    ],
    core,
  );
  await ipBatch(
    [
      up('lo'),
      'link add mgmt0 type bridge',
      `addr add ${plan.controlAddress}/${String(MANAGEMENT_PREFIX)} dev mgmt0`,
      up('mgmt0'),
      ...hosts.flatMap((_, i) => [`link set m${String(i)} master mgmt0`, up(`m${String(i)}`)]),
    ],
    control,
  );
  const batches = [
    ...hosts.map((h) => ({
      namespace: h.namespace,
      lines: [
        up('lo'),
        `addr add ${h.address}/${length} dev ${h.device}`,
        up(h.device),
        `route add default via ${h.coreAddress}`,
        `addr add ${h.managementAddress}/${String(MANAGEMENT_PREFIX)} dev mgmt0`,
        up('mgmt0'),
        // An external address without a desktop: silence, rather than a loop between host and core until the TTL ends.
        `route add blackhole ${h.externalPool}`,
      ],
    })),
    ...users.map((u) => ({
      namespace: u.namespace,
      lines: [
        up('lo'),
        `addr add ${u.address}/${length} dev ${u.device}`,
        up(u.device),
        `addr add ${u.clientGateway}/${String(HOME_PREFIX)} dev lan0`,
        up('lan0'),
        `route add default via ${u.coreAddress}`,
      ],
    })),
    ...users.map((u) => ({
      namespace: u.clientNamespace,
      lines: [
        up('lo'),
        `addr add ${u.clientAddress}/${String(HOME_PREFIX)} dev eth0`,
        up('eth0'),
        `route add default via ${u.clientGateway}`,
      ],
    })),
  ];
  await pMap(batches, ({ lines, namespace }) => ipBatch(lines, namespace), COMMANDS_AT_A_TIME);
  await disableOffloads(plan);
}

/** Without this the WAN would see packets of up to 64 KB, which no real one carries; delay and rate would be bursts. */
async function disableOffloads(plan: WorldPlan): Promise<void> {
  const { coreNamespace: core, hosts, users } = plan;
  const devices: [namespace: string, device: string][] = [
    ...[...hosts, ...users].flatMap((leg): [string, string][] => [
      [leg.namespace, leg.device],
      [core, leg.coreDevice],
    ]),
    ...users.flatMap((u): [string, string][] => [
      [u.clientNamespace, 'eth0'],
      [u.namespace, 'lan0'],
    ]),
  ];
  const off = ['tso', 'off', 'gso', 'off', 'gro', 'off'];
  await pMap(
    devices,
    ([namespace, device]) => execIn(namespace, ['ethtool', '-K', device, ...off]),
    COMMANDS_AT_A_TIME,
  );
}

/** The NAT of a home router as Linux has it by default: masquerading, new connections from inside only, conntrack untouched. */
async function makeNat(user: UserPlan): Promise<void> {
  const iptables = (...args: string[]) => execIn(user.namespace, ['iptables', '-w', ...args]);
  await iptables('-t', 'nat', '-A', 'POSTROUTING', '-o', user.device, '-j', 'MASQUERADE');
  await iptables('-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT');
  await iptables('-A', 'FORWARD', '-i', 'lan0', '-j', 'ACCEPT');
  await iptables('-P', 'FORWARD', 'DROP');
}

/** Try it out: whether a module can be loaded is known to the kernel only. */
async function hasNetem(namespace: string): Promise<boolean> {
  try {
    await tcBatch(['qdisc add dev lo root netem delay 1ms', 'qdisc del dev lo root'], namespace);
    return true;
  } catch {
    return false;
  }
}
