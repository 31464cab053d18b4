// Filters of lists of desktops: `field:value`, all of which must hold. Values are patterns with `*`, or comparisons of figures. Pure.
import { hostKey } from '../domain/model/ids.js';
import type { DesktopStatus } from '../temporal/contract/status.js';
import { usageError } from './arguments.js';

type Test = (desktop: DesktopStatus) => boolean;

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

/** Read filters of `command`; a field that is not known is refused with those that are. */
export function parseFilters(filters: readonly string[], command: string): Test {
  const tests = filters.map((filter) => parseFilter(filter, command));
  return (desktop) => tests.every((test) => test(desktop));
}

function parseFilter(filter: string, command: string): Test {
  const at = filter.indexOf(':');
  const [name, wanted] = [filter.slice(0, at), filter.slice(at + 1)];
  if (at < 1 || wanted === '')
    throw usageError(command, `${filter}: expected field:value; fields are ${FILTER_FIELDS.join(', ')}`);
  if (!Object.hasOwn(FIELDS, name))
    throw usageError(command, `${filter}: there is no field ${name}; fields are ${FILTER_FIELDS.join(', ')}`);
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
