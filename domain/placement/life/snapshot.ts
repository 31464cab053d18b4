// What a cloud looked like when a plan was made, as a saved plan keeps it: who is where, how far its user is, what room there is, what
// the policy said. Two of them are compared to say what has changed between.
import { z } from 'zod';
import { Name, type PlanInput } from '../request/model.js';
import { placeKey } from '../../drain/place.js';
import { SiteKind } from '../../model/cloud.js';
import { constraintsOf } from '../request/constraint-fields.js';
import { figure } from '../request/figures-in-words.js';

const size = z.number().min(0).max(1e9).optional();

const HostThen = z.strictObject({
  id: Name,
  /** False: it did not answer. */
  alive: z.boolean().optional(),
  draining: z.boolean().optional(),
  slots: size,
  vcpu: size,
  memoryGB: size,
  diskGB: size,
});

const SiteThen = z.strictObject({
  id: Name,
  kind: SiteKind,
  slots: z.number().min(0).max(1e12),
  draining: z.boolean().optional(),
  hosts: z.array(HostThen).max(100_000),
});

const DesktopThen = z.strictObject({
  id: Name,
  site: Name,
  host: Name.optional(),
  /** `running`, `stopped` ...; silent in a plan of a file, which knows running ones only. */
  state: z.string().max(40).optional(),
  rank: z.number().min(0).max(1).nullable(),
  rttMs: z.record(Name, z.number().min(0).max(1e6)),
  /** Constraints as they were. */
  constraints: z.record(z.string().max(40), z.unknown()).optional(),
});

/** A cloud at one moment. */
export const CloudSnapshot = z.strictObject({
  sites: z.array(SiteThen).max(100_000),
  desktops: z.array(DesktopThen).max(1_000_000),
  /** The placement policy, and the plan's budget. */
  policy: z.record(z.string().max(40), z.unknown()),
});
export type CloudSnapshot = z.infer<typeof CloudSnapshot>;

/** The snapshot of a plan's own input. */
export function snapshotOfInput({ sites, desktops, policy }: PlanInput): CloudSnapshot {
  return {
    sites: sites.map(({ id, kind, slots, draining, hosts }) => ({
      id,
      kind,
      slots,
      ...(draining === true ? { draining } : {}),
      hosts: (hosts ?? []).map((h) => ({
        id: h.id,
        ...(h.draining === true ? { draining: true } : {}),
        ...known({ slots: h.slots, vcpu: h.vcpu, memoryGB: h.memoryGB, diskGB: h.diskGB }),
      })),
    })),
    desktops: desktops.map((d) => {
      const constraints = constraintsOf(d);
      return {
        id: d.id,
        site: d.site,
        ...(d.host === undefined ? {} : { host: d.host }),
        rank: d.rank,
        rttMs: d.rttMs,
        ...(constraints === null ? {} : { constraints }),
      };
    }),
    policy,
  };
}

/** The fields that have a value. */
function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as never;
}

/** One thing that is otherwise than it was. */
export interface Change {
  readonly of: 'desktop' | 'host' | 'site' | 'policy';
  /** The desktop, SITE/HOST, the site, or the setting. */
  readonly name: string;
  /** What, in words. */
  readonly what: string;
}

/** Ranks waver by this much all the time. */
const RANK_STEP = 0.1;
/** A round trip is another one when it differs by this share, and by this many milliseconds. */
const RTT_SHARE = 0.2;
const RTT_STEP_MS = 5;

/** What of a cloud is otherwise now than before, sites and hosts first; small wavering of ranks and round trips is none. */
export function changesBetween(before: CloudSnapshot, now: CloudSnapshot): Change[] {
  return [...policyChanges(before, now), ...siteChanges(before, now), ...desktopChanges(before, now)];
}

function policyChanges(before: CloudSnapshot, now: CloudSnapshot): Change[] {
  const keys = new Set([...Object.keys(before.policy), ...Object.keys(now.policy)]);
  return [...keys].flatMap((name) => {
    const [then, today] = [inWords(before.policy[name]), inWords(now.policy[name])];
    return then === today ? [] : [{ of: 'policy' as const, name, what: `${then} -> ${today}` }];
  });
}

const inWords = (value: unknown): string => (value === undefined ? 'not set' : inOrder(value));

/** JSON with the keys of objects in order: two that say the same are the same. */
function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

function siteChanges(before: CloudSnapshot, now: CloudSnapshot): Change[] {
  const [then, today] = [byId(before.sites), byId(now.sites)];
  return [...new Set([...then.keys(), ...today.keys()])].flatMap((id): Change[] => {
    const [a, b] = [then.get(id), today.get(id)];
    const of = (what: string): Change => ({ of: 'site', name: id, what });
    if (a === undefined) return [of('is new')];
    if (b === undefined) return [of('is gone')];
    return [
      ...emptied(a, b).map(of),
      ...(a.slots === b.slots ? [] : [of(`slots ${figure(a.slots)} -> ${figure(b.slots)}`)]),
      ...hostChanges(a, b),
    ];
  });
}

function hostChanges(a: CloudSnapshot['sites'][number], b: CloudSnapshot['sites'][number]): Change[] {
  const [then, today] = [byId(a.hosts), byId(b.hosts)];
  return [...new Set([...then.keys(), ...today.keys()])].flatMap((id): Change[] => {
    const [was, is] = [then.get(id), today.get(id)];
    const of = (what: string): Change => ({ of: 'host', name: `${a.id}/${id}`, what });
    if (was === undefined) return [of('is new')];
    if (is === undefined) return [of('is gone')];
    const alive = (h: typeof is) => h.alive !== false;
    const room = (['slots', 'vcpu', 'memoryGB', 'diskGB'] as const).flatMap((field) =>
      was[field] === is[field] ? [] : [of(`${field} ${inWords(was[field])} -> ${inWords(is[field])}`)],
    );
    return [
      ...(alive(was) === alive(is) ? [] : [of(alive(is) ? 'answers again' : 'does not answer')]),
      ...emptied(was, is).map(of),
      ...room,
    ];
  });
}

interface MayDrain {
  readonly draining?: boolean | undefined;
}

function emptied(was: MayDrain, is: MayDrain): string[] {
  if ((was.draining === true) === (is.draining === true)) return [];
  return [is.draining === true ? 'is being emptied' : 'is no longer emptied'];
}

function desktopChanges(before: CloudSnapshot, now: CloudSnapshot): Change[] {
  const [then, today] = [byId(before.desktops), byId(now.desktops)];
  return [...new Set([...then.keys(), ...today.keys()])].flatMap((id): Change[] => {
    const [was, is] = [then.get(id), today.get(id)];
    const of = (what: string): Change => ({ of: 'desktop', name: id, what });
    if (was === undefined) return [of('is new')];
    if (is === undefined) return [of('is gone')];
    return [
      ...(was.site === is.site && (was.host ?? is.host) === (is.host ?? was.host)
        ? []
        : [of(`moved from ${placeKey(was)} to ${placeKey(is)}`)]),
      ...(was.state === is.state || was.state === undefined || is.state === undefined
        ? []
        : [of(`is ${is.state}, was ${was.state}`)]),
      ...(Math.abs((was.rank ?? 0) - (is.rank ?? 0)) < RANK_STEP
        ? []
        : [of(`rank ${rankOf(was.rank)} -> ${rankOf(is.rank)}`)]),
      ...rttChanges(was.rttMs, is.rttMs).map(of),
      ...(inWords(was.constraints) === inWords(is.constraints)
        ? []
        : [of(`constraints ${inWords(was.constraints)} -> ${inWords(is.constraints)}`)]),
    ];
  });
}

const rankOf = (rank: number | null) => (rank === null ? 'not known' : rank.toFixed(2));

function rttChanges(was: Readonly<Record<string, number>>, is: Readonly<Record<string, number>>): string[] {
  const [then, today] = [new Map(Object.entries(was)), new Map(Object.entries(is))];
  return [...new Set([...then.keys(), ...today.keys()])].flatMap((site) => {
    const [a, b] = [then.get(site), today.get(site)];
    if (a !== undefined && b !== undefined) {
      const by = Math.abs(a - b);
      if (by < RTT_STEP_MS || by < RTT_SHARE * Math.max(a, b)) return [];
    }
    const ms = (rtt: number | undefined) => (rtt === undefined ? 'not known' : `${figure(rtt)} ms`);
    return [`round trip to ${site} ${ms(a)} -> ${ms(b)}`];
  });
}

function byId<T extends { readonly id: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((item) => [item.id, item]));
}
