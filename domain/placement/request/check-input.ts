// Reads a plan's input from outside: every problem of shape and of sense in one error, so that a file is mended in one go.
import { z } from 'zod';
import { VmshadowError } from '../../errors.js';
import { problemsOf } from '../../model/parse.js';
import { contradictions } from './contradictions.js';
import { PlanInput } from './model.js';
import { withUnfitRoutes } from './unfit-routes.js';
import { unknownFields } from './unknown-fields.js';

/** The elements of a list that can be read; one that cannot hides none of the others. */
const readable = <T extends z.ZodType>(element: T) =>
  z
    .array(z.unknown())
    .catch([])
    .transform((list) =>
      list.flatMap((item): z.output<T>[] => {
        const read = element.safeParse(item);
        return read.success ? [read.data] : [];
      }),
    );
/** Fields that cannot be read count as silent. */
const text = z.string().catch('');
const silent = z.string().optional().catch(undefined);
const HostName = z.object({ site: z.string(), host: z.string() });

/** As much of the input as is readable, so that a wrong RTT does not hide an unknown site. */
const Skeleton = z
  .object({
    sites: readable(
      z.object({ id: text, slots: z.number().catch(Infinity), hosts: readable(z.object({ id: text })) }),
    ),
    desktops: readable(
      z.object({
        id: text,
        site: text,
        host: silent,
        rttMs: z.record(z.string(), z.unknown()).catch({}),
        allowedSites: readable(z.string()),
        forbiddenSites: readable(z.string()),
        unfitHosts: readable(HostName),
      }),
    ),
    reservations: readable(z.object({ desktop: text, site: text, host: silent })),
    unfitRoutes: readable(
      z.object({ from: HostName.optional().catch(undefined), to: HostName.optional().catch(undefined) }),
    ),
  })
  .catch({ sites: [], desktops: [], reservations: [], unfitRoutes: [] });
type Skeleton = z.infer<typeof Skeleton>;

function duplicates(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const id of ids) (seen.has(id) ? twice : seen).add(id);
  twice.delete('');
  return [...twice];
}

interface Findings {
  /** What no plan can be made with. */
  readonly problems: string[];
  /** What a plan can be made with nevertheless: RTTs to sites and room at hosts that are not there. */
  readonly doubts: string[];
  /** What the reader should know: sites that hold more than their slots. */
  readonly notes: string[];
}

function findings(s: Skeleton): Findings {
  const problems: string[] = [];
  const doubts: string[] = [];
  const notes: string[] = [];
  for (const id of duplicates(s.sites.map((site) => site.id))) problems.push(`sites: ${id} is named twice`);
  for (const site of s.sites)
    for (const id of duplicates(site.hosts.map((h) => h.id)))
      problems.push(`sites: host ${id} is named twice in ${site.id}`);
  for (const id of duplicates(s.desktops.map((d) => d.id))) problems.push(`desktops: ${id} is named twice`);
  for (const id of duplicates(s.reservations.map((r) => r.desktop)))
    problems.push(`reservations: ${id} has two`);
  // By site; thousands of desktops name hosts of a site that has thousands.
  const sites = new Map(s.sites.map((site) => [site.id, new Set(site.hosts.map((h) => h.id))]));
  const used = new Map<string, number>();
  const known = s.sites.length === 0 ? 'there are no sites' : `expected one of the file's sites`;
  for (const d of s.desktops) {
    const hosts = sites.get(d.site);
    used.set(d.site, (used.get(d.site) ?? 0) + 1);
    if (d.site !== '' && hosts === undefined)
      problems.push(`desktop ${d.id}: unknown site ${d.site}; ${known}`);
    if (d.host !== undefined && hosts?.has(d.host) === false)
      problems.push(`desktop ${d.id}: site ${d.site} has no host ${d.host}`);
    for (const [field, ids] of Object.entries({
      allowedSites: d.allowedSites,
      forbiddenSites: d.forbiddenSites,
    }))
      for (const id of ids)
        if (!sites.has(id)) doubts.push(`desktop ${d.id}: ${field} names the unknown site ${id}; ${known}`);
    for (const u of d.unfitHosts)
      if (sites.get(u.site)?.has(u.host) !== true)
        doubts.push(`desktop ${d.id}: unfitHosts names the unknown host ${u.site}/${u.host}`);
    for (const id of Object.keys(d.rttMs))
      if (!sites.has(id)) doubts.push(`desktop ${d.id}: rttMs names the unknown site ${id}; ${known}`);
  }
  for (const r of s.reservations) {
    if (r.site !== '' && !sites.has(r.site))
      problems.push(
        `reservation for ${r.desktop || 'a desktop without a name'}: unknown site ${r.site}; ${known}`,
      );
    if (r.host !== undefined && sites.get(r.site)?.has(r.host) === false)
      doubts.push(`reservation for ${r.desktop}: site ${r.site} has no host ${r.host}`);
    used.set(r.site, (used.get(r.site) ?? 0) + 1);
  }
  for (const { from, to } of s.unfitRoutes)
    for (const end of [from, to])
      if (end !== undefined && sites.get(end.site)?.has(end.host) !== true)
        doubts.push(`unfitRoutes names the unknown host ${end.site}/${end.host}`);
  for (const site of s.sites) {
    const there = used.get(site.id) ?? 0;
    if (there > site.slots)
      notes.push(
        `site ${site.id}: ${there} desktops are there or on their way, its capacity is ${site.slots} slots; nobody is sent there`,
      );
  }
  return { problems, doubts, notes };
}

/** Ten thousand wrong lines say no more than twenty. */
const MAX_PROBLEMS = 20;
/** A file that is wrong in many ways is mended in one go. */
const MAX_LINES = 60;

/** The first lines, and how many more there are. */
export function few(lines: readonly string[]): string[] {
  const more = lines.length - MAX_PROBLEMS;
  return [...lines.slice(0, MAX_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** Some lines of each kind of problem in turn: ten thousand wrong round trips hide no unknown site. */
function eachKindFirst(problems: readonly string[]): string[] {
  const kindOf = (p: string) =>
    p
      .replace(/\d+/g, '#')
      .replace(/^(desktop|reservation for) .*?: /, '$1: ')
      .replace(/(unknown site|unknown host|has no host) \S+/, '$1')
      .replace(/^(desktops|reservations|sites): .* (is named twice|has two)/, '$1: $2');
  const kinds = new Map<string, string[]>();
  for (const p of problems) kinds.set(kindOf(p), [...(kinds.get(kindOf(p)) ?? []).slice(0, MAX_LINES), p]);
  const shown: string[] = [];
  for (let n = 0; shown.length < MAX_LINES && n < MAX_LINES; n++)
    for (const of of kinds.values()) shown.push(...of.slice(n, n + 1));
  return shown;
}

/** Names that nobody has checked yet are in them: any length, any characters. */
const MAX_LINE_CHARS = 400;
const harmless = (line: string) => line.slice(0, MAX_LINE_CHARS).replace(/\p{Cc}+/gu, ' ');

/** Make one error of all problems of `what`. */
function inputError(what: string, problems: readonly string[]): VmshadowError {
  const shown = problems.length <= MAX_LINES ? problems : eachKindFirst(problems).slice(0, MAX_LINES);
  const more = problems.length - shown.length;
  const lines = [...shown.map(harmless), ...(more > 0 ? [`and ${more} more`] : [])];
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new VmshadowError('INPUT_INVALID', `${what}: ${count}\n${lines.map((p) => `  - ${p}`).join('\n')}`, {
    details: { problems: lines.map((p) => p.slice(0, 160)) },
  });
}

/**
 * Parse `value` as a plan's input; throws INPUT_INVALID with every problem. `what` names it, e.g. the file. A strict caller (a file
 * that somebody wrote) takes doubts, and fields that are not known, for problems; a tolerant one (a loop over a cloud in which sites come and go) gets them as warnings.
 */
export function parsePlanInput(
  value: unknown,
  what: string,
  strict: boolean,
): { input: PlanInput; warnings: string[] } {
  const parsed = PlanInput.safeParse(value);
  const shape = parsed.success ? [] : problemsOf(parsed.error);
  const between = findings(Skeleton.parse(value));
  const unknown = unknownFields(value);
  const doubts = [...unknown, ...between.doubts];
  const problems = [...shape, ...between.problems, ...(strict ? doubts : [])];
  if (!parsed.success || problems.length > 0) throw inputError(what, problems);
  return {
    input: withUnfitRoutes(parsed.data),
    warnings: few([...doubts, ...between.notes, ...contradictions(parsed.data)]),
  };
}
