// The shape of a packed request, and its check: each column must hold one entry a desktop.
import { z } from 'zod';
import type { PlanRequest } from './model.js';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
const VALUE = new Map(Array.from(DIGITS, (c, i) => [c, i]));

/** Write a whole number in so many characters. */
export function write(value: number, width: number): string {
  let text = '';
  let left = value;
  for (let k = 0; k < width; k++) {
    text = DIGITS.charAt(left % 64) + text;
    left = Math.floor(left / 64);
  }
  return text;
}

/** Read a number of so many characters back. */
export function read(text: string, at: number, width: number): number {
  let value = 0;
  for (let k = at; k < at + width; k++) value = value * 64 + (VALUE.get(text.charAt(k)) ?? 0);
  return value;
}

/** Site, host, vcpu, memoryGB, diskGB, reclaimable. */
const Kind = z.tuple([
  z.string(),
  z.string().nullable(),
  z.number().nullable(),
  z.number(),
  z.number(),
  z.boolean().nullable(),
]);
export type Kind = z.infer<typeof Kind>;

/** What travels: everything but the desktops as it is, the desktops by column. */
export const PackedPlanRequest = z
  .object({
    packed: z.literal(1),
    /** Checked with the whole when it is unpacked (check-input.ts). */
    rest: z.custom<Omit<PlanRequest, 'desktops'>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'expected sites, policy and reservations',
    ),
    /** Distinct [site, host, vcpu, memoryGB, diskGB, reclaimable]: desktops are of few kinds. */
    kinds: z.array(Kind),
    siteNames: z.array(z.string()),
    /** A line of each: ids; kind; rank; RTTs as pairs of site (2 characters) and time (3); `lock,low` in seconds, mostly empty. */
    ids: z.string(),
    kind: z.string(),
    rank: z.string(),
    rtts: z.string(),
    times: z.string(),
    /** Dirty rates of memory and disk, two characters each. */
    dirty: z.string().optional(),
    /** A line of each: felt RTTs as a scale and a share of it, one character each; mostly empty. */
    felt: z.string().optional(),
    /** Constraints of the desktops that have any, by their place in the list. Checked with the whole when it is unpacked. */
    constraints: z.record(z.string().regex(/^\d+$/), z.record(z.string(), z.unknown())).optional(),
  })
  .superRefine((packed, ctx) => {
    for (const [path, message] of misfits(packed)) ctx.addIssue({ code: 'custom', path: [path], message });
  });
export type PackedPlanRequest = z.infer<typeof PackedPlanRequest>;
type Columns = Omit<PackedPlanRequest, 'packed' | 'rest'>;

/** Columns that do not hold one entry a desktop, or name what is not there. */
function misfits(c: Columns): [string, string][] {
  const ids = idsOf(c);
  const n = ids.length;
  const found: [string, string][] = [];
  const expectWidth = (name: 'kind' | 'rank' | 'dirty', width: number) => {
    const length = c[name]?.length ?? width * n;
    if (length !== width * n)
      found.push([name, `expected ${width} characters for each of ${n} desktops, got ${length}`]);
  };
  const expectLines = (name: 'rtts' | 'times' | 'felt') => {
    const lines = c[name] === undefined || n === 0 ? n : c[name].split('\n').length;
    if (lines !== n) found.push([name, `expected a line for each of ${n} desktops, got ${lines}`]);
  };
  expectWidth('kind', 3);
  expectWidth('rank', 3);
  expectWidth('dirty', 4);
  expectLines('rtts');
  expectLines('times');
  expectLines('felt');
  if (found.length > 0) return found;
  const badKind = ids.findIndex((_, i) => read(c.kind, 3 * i, 3) >= c.kinds.length);
  if (badKind >= 0) found.push(['kind', `desktop ${badKind} is of a kind that is not there`]);
  const badRtts = c.rtts.split('\n').findIndex((row) => {
    for (let k = 0; k < row.length; k += 5) if (read(row, k, 2) >= c.siteNames.length) return true;
    return row.length % 5 !== 0;
  });
  if (badRtts >= 0) found.push(['rtts', `desktop ${badRtts} has round trips to a site that is not there`]);
  return found;
}

/** The ids of a packed request, in its order. */
export function idsOf({ ids, kind }: Pick<Columns, 'ids' | 'kind'>): string[] {
  return ids === '' && kind === '' ? [] : ids.split('\n');
}
