// Caps what goes out to a peer's migration ports, disk and memory together, on the wire: an htb tree of our own on the uplink, one class
// (slot) a move, everything else passing by it unshaped. QEMU's own limits do not hold (multifd and synchronous writes overshoot them).
// State lives in the kernel only; a worker that restarts reads it back. A root qdisc that somebody else has set up is never touched.
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { Ipv4, numberToIpv4, Port } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';
import { KeyedMutex } from '../../os/keyed-mutex.js';
import { runCommand } from '../../os/run-command.js';

const Traffic = z.object({
  /** The uplink, as the kernel names it. */
  device: z.string().regex(/^[^/\s]{1,15}$/, 'expected a network interface name'),
  peer: Ipv4,
  /** TCP ports of the peer that share the cap. */
  ports: z.array(Port).min(1).max(16),
});
export type Traffic = z.infer<typeof Traffic>;
const Cap = Traffic.extend({
  mbps: z.number().positive(),
  /** What all capped traffic of the device may take together; null: no more than each its own. */
  budgetMbps: z.number().positive().nullable().default(null),
});
export type TrafficCap = z.input<typeof Cap>;

/** What one slot of the tree does: filters of this preference send peer and ports to the class of the same number. */
export interface Slot {
  readonly slot: number;
  readonly peer: string;
  readonly ports: readonly number[];
}

/** VMSH on a telephone keypad: marks the tree as ours. */
export const HANDLE = '8674:';
const MAX_SLOT = 999;
/** The class of the budget; tc reads the numbers of classes as hexadecimal. */
const BUDGET = 'fff';
/** Of a budget, what each move has whatever the others do; the rest is lent in turns. */
const ASSURED = 1 / 100;
/** One segmentation-offloaded packet: a smaller burst would stall it. */
const BURST_BYTES = 65_536;
/** What a class sends in one turn; below the kernel's "is big" warning. */
const QUANTUM_BYTES = 60_000;

const Qdiscs = z.array(z.object({ kind: z.string(), handle: z.string(), root: z.boolean().optional() }));
const Filters = z.array(
  z.object({
    kind: z.string().optional(),
    pref: z.number().optional(),
    options: z.unknown().optional(),
  }),
);

/** Reading the tree of a device and changing it must not interleave with another move's. */
const devices = new KeyedMutex();

/** Hold the traffic to `peer`:`ports` to `mbps` in all; called again it changes the cap. Throws PREREQUISITE for a foreign qdisc. */
export async function capTraffic(input: TrafficCap): Promise<void> {
  const cap = parseInput(Cap, input, 'a bandwidth cap');
  await devices.runExclusive(cap.device, async () => {
    const slots = await readSlots(cap.device);
    const shared = parseShared(await runCommand(['tc', 'class', 'show', 'dev', cap.device]));
    await tc(renderCap(cap, slots, shared));
  });
}

/** Let the traffic to `peer`:`ports` go as it likes again; the last cap takes the tree away. */
export async function uncapTraffic(input: Traffic): Promise<void> {
  const traffic = parseInput(Traffic, input, 'a bandwidth cap');
  await devices.runExclusive(traffic.device, async () => {
    const slots = await readSlots(traffic.device);
    if (slots !== null) await tc(renderUncap(traffic, slots));
  });
}

/** Render the commands that put a cap in force; `slots` is what the tree holds, null when there is no tree, `shared` those under a budget. */
export function renderCap(
  cap: TrafficCap,
  slots: readonly Slot[] | null,
  shared: ReadonlySet<number> = new Set(),
): string[] {
  const { device, peer, budgetMbps = null } = cap;
  const budget = budgetMbps === null ? null : bits(budgetMbps);
  // A class cannot be put elsewhere: it is made anew.
  const same = slots?.find((s) => sameTraffic(s, cap) && shared.has(s.slot) === (budget !== null));
  const stale = slots?.filter((s) => s !== same && overlaps(s, cap)) ?? [];
  const slot = same?.slot ?? freeSlot(slots ?? [], device);
  const ceil = Math.min(bits(cap.mbps), budget ?? Infinity);
  const rate = budget === null ? ceil : Math.min(ceil, Math.ceil(budget * ASSURED));
  const parent = budget === null ? HANDLE : `${HANDLE}${BUDGET}`;
  const onDevice = `dev ${device} parent ${HANDLE}`;
  return [
    ...(slots === null ? [`qdisc add dev ${device} root handle ${HANDLE} htb default 0`] : []),
    ...stale.flatMap((s) => renderRemoval(device, s)),
    ...(budget === null
      ? []
      : [`class replace ${onDevice} classid ${HANDLE}${BUDGET} ${renderClass(budget, budget)}`]),
    `class replace dev ${device} parent ${parent} classid ${HANDLE}${slot} ${renderClass(rate, ceil)}`,
    ...(same !== undefined
      ? []
      : cap.ports.map(
          (port) =>
            `filter add ${onDevice} protocol ip pref ${slot} u32 match ip dst ${peer}/32 ` +
            `match ip protocol 6 0xff match ip dport ${port} 0xffff classid ${HANDLE}${slot}`,
        )),
  ];
}

const bits = (mbps: number): number => Math.round(mbps * 1e6);

const renderClass = (rate: number, ceil: number): string =>
  `htb rate ${rate}bit ceil ${ceil}bit burst ${BURST_BYTES}b cburst ${BURST_BYTES}b quantum ${QUANTUM_BYTES}`;

/** Render the commands that take a cap away. */
export function renderUncap(traffic: Traffic, slots: readonly Slot[]): string[] {
  const mine = slots.filter((s) => overlaps(s, traffic));
  if (mine.length === slots.length) return [`qdisc del dev ${traffic.device} root handle ${HANDLE}`];
  return mine.flatMap((s) => renderRemoval(traffic.device, s));
}

function renderRemoval(device: string, { slot }: Slot): string[] {
  return [
    `filter del dev ${device} parent ${HANDLE} pref ${slot}`,
    `class del dev ${device} classid ${HANDLE}${slot}`,
  ];
}

/** Read the slots out of what `tc -j filter show` prints; our filters have three matches: address, protocol, port. */
export function parseSlots(text: string): Slot[] {
  const slots = new Map<number, { peer: string; ports: number[] }>();
  // tc repeats the key "match" within one object: numbered, none is lost.
  let matches = 0;
  const json: unknown = JSON.parse(text.replaceAll('"match":', () => `"match${matches++}":`) || '[]');
  for (const filter of Filters.parse(json)) {
    if (filter.kind !== 'u32' || filter.pref === undefined) continue;
    const shown = JSON.stringify(filter.options ?? {});
    const peer = /"value":"([0-9a-f]+)","mask":"ffffffff","offmask":"","off":16/.exec(shown)?.[1];
    const port = /"value":"([0-9a-f]+)","mask":"ffff","offmask":"","off":20/.exec(shown)?.[1];
    if (peer === undefined || port === undefined) continue;
    const known = slots.get(filter.pref);
    if (known === undefined)
      slots.set(filter.pref, { peer: numberToIpv4(parseInt(peer, 16)), ports: [parseInt(port, 16)] });
    else known.ports.push(parseInt(port, 16));
  }
  return [...slots].map(([slot, { peer, ports }]) => ({ slot, peer, ports }));
}

/** Read which slots are under a budget out of what `tc class show` prints. */
export function parseShared(text: string): Set<number> {
  const shared = text.matchAll(/^class htb 8674:(\d+) parent 8674:fff /gm);
  return new Set([...shared].map(([, slot]) => Number(slot)));
}

function sameTraffic(slot: Slot, traffic: Traffic): boolean {
  return (
    slot.peer === traffic.peer &&
    slot.ports.length === traffic.ports.length &&
    traffic.ports.every((port) => slot.ports.includes(port))
  );
}

/** A port of a peer serves one move at a time: a slot that shares one is a leftover. */
function overlaps(slot: Slot, traffic: Traffic): boolean {
  return slot.peer === traffic.peer && traffic.ports.some((port) => slot.ports.includes(port));
}

function freeSlot(slots: readonly Slot[], device: string): number {
  for (let slot = 1; slot <= MAX_SLOT; slot++) if (!slots.some((s) => s.slot === slot)) return slot;
  throw new VmshadowError('NO_CAPACITY', `${MAX_SLOT} moves are capped on ${device} already`);
}

/** The slots of our tree on a device; null when there is none. */
async function readSlots(device: string): Promise<Slot[] | null> {
  const qdiscs = Qdiscs.parse(
    JSON.parse((await runCommand(['tc', '-j', 'qdisc', 'show', 'dev', device])) || '[]'),
  );
  const root = qdiscs.find((q) => q.root === true);
  // The kernel's own choice for a device has handle 0: and may be replaced.
  if (root === undefined || root.handle === '0:') return null;
  if (root.kind !== 'htb' || root.handle !== HANDLE)
    throw new VmshadowError(
      'PREREQUISITE',
      `${device} has a root qdisc (${root.kind} ${root.handle}) that is not VMShadow's: it would be lost. Remove it ` +
        `(tc qdisc del dev ${device} root), or cap elsewhere and name another uplink`,
    );
  return parseSlots(await runCommand(['tc', '-j', 'filter', 'show', 'dev', device, 'parent', HANDLE]));
}

async function tc(commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  await runCommand(['tc', '-batch', '-'], { input: `${commands.join('\n')}\n` });
}
