// Processors of hosts, and what of them a desktop may be given so that it can go on elsewhere. A guest keeps using what it found at its
// start: a host that lacks any of it cannot take it.
import { z } from 'zod';
import { scarceClasses, type Demand, type PlanClasses } from './plan-classes.js';

const Flag = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/i);
const ModelName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a CPU model such as Skylake-Server');

/**
 * `host`: all that the host has, as ever; else a model of QEMU's by its name, the same wherever it exists. Where a desktop is asked for also
 * `auto`: the largest model that all hosts of the pool have.
 */
export const DesktopCpu = ModelName;
/** Asked for, never kept. */
export const AUTO_CPU = 'auto';
const HOST_CPU = 'host';

/** What a host can give. */
export const HostCpu = z.object({
  /** The processor by its maker's name, or the emulator's. */
  model: z.string().max(200),
  /** What guests see who are given all of it. */
  flags: z.array(Flag).max(1_000),
  /** The models that it can give whole, each with how much is in it. */
  models: z.record(ModelName, z.number().int().min(0)),
});
export type HostCpu = z.infer<typeof HostCpu>;

/** Tell whether a desktop is given all that its host has. */
export function isHostCpu(cpu: string | undefined): boolean {
  return cpu === undefined || cpu === HOST_CPU;
}

/** What of a processor one host has and another lacks, in the order of names. */
export function missingFlags(of: HostCpu, at: HostCpu): string[] {
  const there = new Set(at.flags);
  return of.flags.filter((flag) => !there.has(flag)).toSorted();
}

/** The largest model that all of them can give; null where they have none in common. */
export function baselineOf(hosts: readonly HostCpu[]): string | null {
  const [first, ...others] = hosts;
  if (first === undefined) return null;
  const common = Object.entries(first.models).filter(([name]) =>
    others.every((h) => Object.hasOwn(h.models, name)),
  );
  const [best] = common.toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return best?.[0] ?? null;
}

/** What to say of a host with which the pool has less in common than without it; null: nothing. */
export function loweredBaseline(others: readonly HostCpu[], joining: HostCpu): string | null {
  const before = baselineOf(others);
  const after = baselineOf([...others, joining]);
  if (before === null || before === after) return null;
  return `its CPU (${joining.model}) lowers what all hosts of the pool can give from ${before} to ${after ?? 'nothing in common'}: desktops with \`cpu: ${before}\` cannot go there`;
}

/** Flags beyond which no list goes. */
const NAMED = 12;
const listed = (flags: readonly string[]) =>
  flags.length <= NAMED
    ? flags.join(', ')
    : `${flags.slice(0, NAMED).join(', ')} and ${String(flags.length - NAMED)} more`;

/** Why a host cannot take a desktop from another because of its processor, in words; null: it can. */
export function cpuProblem(cpu: string | undefined, source: HostCpu, target: HostCpu): string | null {
  const missing = missingFlags(source, target);
  if (cpu !== undefined && !isHostCpu(cpu)) {
    if (Object.hasOwn(target.models, cpu)) return null;
    return `it cannot give the CPU ${cpu}${missing.length === 0 ? '' : `; against the source it lacks ${listed(missing)}`}`;
  }
  if (source.model !== target.model) {
    const baseline = baselineOf([source, target]);
    const way = baseline === null ? '' : `; a desktop with \`cpu: ${baseline}\` could go to both`;
    return `its CPU model is ${target.model}, the source's is ${source.model}${missing.length === 0 ? '' : `: it lacks ${listed(missing)}`}${way}`;
  }
  return missing.length === 0
    ? null
    : `its CPU lacks ${listed(missing)}, which the source's has (firmware, microcode or kernel differ)`;
}

/** What a desktop that is given all of its host needs of any host that takes it: a name that stands for the same everywhere. */
function allOf({ model, flags }: HostCpu): string {
  return `${fingerprint([model, ...flags.toSorted()])}, all of ${model}`;
}

/** FNV-1a over all texts, as eight digits: a name, no secret. */
function fingerprint(texts: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const char of texts.join('\n')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

/** A class of a plan is no longer. */
const MOST_NAME = 120;

/**
 * The classes by which a plan keeps desktops from hosts that cannot take them for their processors: only those that some host lacks.
 * `at` is the key of the host that a desktop is at. Of hosts that do not tell nothing is known, and they are not kept from anybody.
 */
export function cpuClasses(
  hosts: ReadonlyMap<string, HostCpu | undefined>,
  desktops: readonly { readonly id: string; readonly at: string; readonly cpu: string | undefined }[],
): PlanClasses {
  const demands = new Map<string, Demand<HostCpu>>();
  // Thousands of desktops are at few hosts.
  const wholes = new Map<HostCpu, string>();
  for (const { id, at, cpu } of desktops) {
    const source = hosts.get(at);
    if (source === undefined) continue;
    const whole = wholes.get(source) ?? allOf(source);
    wholes.set(source, whole);
    const demand = cpu === undefined || isHostCpu(cpu) ? whole : cpu;
    const name = `the CPU ${demand}`.replaceAll(/\p{Cc}/gu, ' ').slice(0, MOST_NAME);
    demands.set(id, { name, takes: (host) => cpuProblem(cpu, source, host) === null });
  }
  return scarceClasses(hosts, demands);
}
