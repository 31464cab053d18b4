// Filters of lists of desktops: `field:value`, all of which must hold. Values are patterns with `*`, or comparisons of figures. Pure.
import { hostKey } from '../domain/model/ids.js';
import type { DesktopStatus } from '../temporal/contract/status.js';
import { usageError } from './arguments.js';

type Test = (desktop: DesktopStatus) => boolean;

/** Fields of figures: compared, or matched as they are written. */
const FIGURES: readonly string[] = ['rank', 'rtt', 'memory'];

/** What a desktop has in each field: text, a figure, or nothing. */
const FIELDS = {
  desktop: (d) => d.desktop,
  site: (d) => d.host.site,
  host: (d) => hostKey(d.host),
  state: (d) => d.state,
  rank: (d) => d.rank,
  rtt: (d) => d.rttMs,
  memory: (d) => d.memoryMiB,
  user: (d) => d.user,
  move: (d) => (d.move === null ? 'no' : 'yes'),
  problem: (d) => d.problem,
} as const satisfies Record<string, (d: DesktopStatus) => string | number | null>;

/** The fields that a filter may name. */
export const FILTER_FIELDS = Object.keys(FIELDS);

const COMPARISON = /^(>=|<=|>|<|=)(-?\d+(?:\.\d+)?)$/;

/** Read filters of `command`; all that cannot be understood are refused in one error, with the fields that there are. */
export function parseFilters(filters: readonly string[], command: string): Test {
  const problems = filters.flatMap((filter) => {
    const problem = problemWith(filter);
    return problem === null ? [] : [`${filter}: ${problem}`];
  });
  if (problems.length > 0)
    throw usageError(command, `${problems.join('\n')}\nfields are ${FILTER_FIELDS.join(', ')}`);
  const tests = filters.map(parseFilter);
  return (desktop) => tests.every((test) => test(desktop));
}

function nameAndValue(filter: string): [name: string, wanted: string] {
  const at = filter.indexOf(':');
  return [filter.slice(0, Math.max(at, 0)), filter.slice(at + 1)];
}

function problemWith(filter: string): string | null {
  const [name, wanted] = nameAndValue(filter);
  if (name === '' || wanted === '') return 'expected field:value';
  if (!Object.hasOwn(FIELDS, name)) return `there is no field ${name}`;
  if (FIGURES.includes(name))
    return COMPARISON.test(wanted) || /^[-\d.*]+$/.test(wanted)
      ? null
      : 'expected a figure, as in rank:>0.7 or rtt:<=40';
  if (/^[<>=]/.test(wanted)) return `${name} is no figure and cannot be compared`;
  return name === 'move' && !['yes', 'no'].includes(wanted) ? 'expected yes or no' : null;
}

function parseFilter(filter: string): Test {
  const [name, wanted] = nameAndValue(filter);
  const valueOf: (d: DesktopStatus) => string | number | null = FIELDS[name as keyof typeof FIELDS];
  const [, sign, figure] = COMPARISON.exec(wanted) ?? [];
  if (sign !== undefined) {
    const bound = Number(figure);
    return (d) => {
      const value = valueOf(d);
      return typeof value === 'number' && holds(value, sign, bound);
    };
  }
  const pattern = new RegExp(`^${wanted.split('*').map(escaped).join('.*')}$`, 's');
  return (d) => {
    const value = valueOf(d);
    return value !== null && pattern.test(String(value));
  };
}

function holds(value: number, sign: string, bound: number): boolean {
  if (sign === '>') return value > bound;
  if (sign === '<') return value < bound;
  if (sign === '>=') return value >= bound;
  return sign === '<=' ? value <= bound : value === bound;
}

const escaped = (text: string) => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
