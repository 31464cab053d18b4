// Plan inputs as a hostile or careless hand might write them: valid random ones, mutated. Whatever comes, the answer is either one
// clear error or a sound plan.
import { jest } from '@jest/globals';
import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import { isVmshadowError } from '../../../../domain/errors.js';
import {
  PlanInput,
  Algorithm,
  type PlanRequest,
  type PlanResult,
} from '../../../../domain/placement/request/model.js';
import { budgetFaults, randomFrom, randomInput, violations } from './instances.js';

jest.setTimeout(3_600_000);

/** More of them were run by hand: FUZZ_CASES=20000. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 300);
const FIRST_SEED = Number(process.env['FUZZ_SEED'] ?? 1);

type Random = () => number;
type Json = Record<string, unknown>;
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!;

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  5e-324,
  1e-300,
  1e-12,
  1e6,
  1e7,
  1e9,
  1e16,
  2 ** 31,
  2 ** 53,
  1e100,
  1e154,
  1e308,
  -1e308,
  Number.MAX_VALUE,
];
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  'a'.repeat(128),
  'a'.repeat(129),
  'ünïcödé ☃ 💥',
  '\ud800',
  'two words',
  's0',
  'd0',
  'line\nbreak',
];
const OTHERS: unknown[] = [null, true, 'text', '5', [], {}, [1], { a: 1 }, NaN, Infinity, undefined];

/** Every place in a value: its holder and key. */
function places(value: unknown, found: [Json, string][] = []): [Json, string][] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Json, key]);
    places((value as Json)[key], found);
  }
  return found;
}

function rename(input: Json, random: Random): void {
  const to = pick(NAMES, random);
  const sites = input['sites'] as Json[];
  const from = pick(sites, random)['id'];
  const text = JSON.stringify(input).replaceAll(JSON.stringify(from), JSON.stringify(to));
  Object.assign(input, JSON.parse(text));
}

const DESKTOP_FIELDS = [
  'rank',
  'memoryGB',
  'diskGB',
  'vcpu',
  'memoryDirtyMbps',
  'diskDirtyMbps',
  'lockedUntilMs',
  'lowSinceMs',
];
const POLICY_FIELDS = [
  'w1',
  'w2',
  'msPerGB',
  'minGainMs',
  'linkMbps',
  'budgetGB',
  'maxMoves',
  'highThreshold',
  'lowThreshold',
  'hysteresisMs',
  'evictionHysteresisMs',
];
const all = (input: Json, key: string) => (Array.isArray(input[key]) ? (input[key] as Json[]) : []);

const MUTATIONS: Record<string, (input: Json, random: Random) => void> = {
  'any place, any number': (input, random) => {
    const numbers = places(input).filter(([holder, key]) => typeof holder[key] === 'number');
    if (numbers.length === 0) return;
    const [holder, key] = pick(numbers, random);
    holder[key] = pick(NUMBERS, random);
  },
  'any place, another type': (input, random) => {
    const [holder, key] = pick(places(input), random);
    holder[key] = pick(OTHERS, random);
  },
  'any place left out': (input, random) => {
    const [holder, key] = pick(places(input), random);
    // A list keeps its other items.
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else Reflect.deleteProperty(holder, key);
  },
  'a site renamed everywhere': rename,
  'a desktop renamed': (input, random) => {
    const d = all(input, 'desktops');
    if (d.length > 0) pick(d, random)['id'] = pick(NAMES, random);
  },
  'a field of all desktops': (input, random) => {
    const field = pick(DESKTOP_FIELDS, random);
    const value = pick(NUMBERS, random);
    for (const d of all(input, 'desktops')) if (random() < 0.7) d[field] = value;
  },
  'extreme round trips': (input, random) => {
    const value = pick([0, -0, 5e-324, 1e-300, 1e-9, 1e6], random);
    for (const d of all(input, 'desktops'))
      for (const id of Object.keys(d['rttMs'] ?? {})) if (random() < 0.3) (d['rttMs'] as Json)[id] = value;
  },
  'extreme felt round trips': (input, random) => {
    for (const d of all(input, 'desktops'))
      if (random() < 0.5) {
        const from = pick([0, 5e-324, 1, 1e6], random);
        const steps = Math.floor(random() * 12);
        d['feltRttMs'] = Array.from({ length: 11 }, (_, k) => (k < steps ? from : 1e6));
      }
  },
  'no round trips': (input, random) => {
    for (const d of all(input, 'desktops')) if (random() < 0.3) d['rttMs'] = {};
  },
  'a field of the policy': (input, random) => {
    (input['policy'] as Json)[pick(POLICY_FIELDS, random)] = pick(NUMBERS, random);
  },
  'a tight budget': (input, random) => {
    Object.assign(
      input['policy'] as Json,
      pick([{ budgetGB: 0 }, { maxMoves: 0 }, { budgetGB: 30 }], random),
    );
  },
  'another time': (input, random) => {
    input['nowMs'] = pick(NUMBERS, random);
  },
  'reservations of unknown and known desktops, some twice': (input, random) => {
    const ids = [...all(input, 'desktops').map((d) => d['id']), 'nobody', 'nobody', '__proto__'];
    const sites = all(input, 'sites');
    input['reservations'] = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const site = pick(sites, random);
      if (random() < 0.7) site['slots'] = Number(site['slots']) + 1;
      const hosts = all(site, 'hosts');
      const host = hosts.length > 0 && random() < 0.5 ? { host: pick(hosts, random)['id'] } : {};
      const size = random() < 0.2 ? pick(NUMBERS, random) : 1;
      return { desktop: pick(ids, random), site: site['id'], memoryGB: size, diskGB: 1, ...host };
    });
  },
  'hosts at some sites only': (input, random) => {
    for (const s of all(input, 'sites')) if (random() < 0.5) delete s['hosts'];
    const withHosts = new Set(all(input, 'sites').filter((s) => 'hosts' in s));
    for (const d of all(input, 'desktops'))
      if (![...withHosts].some((s) => s['id'] === d['site'])) delete d['host'];
  },
  'hosts of the desktops not told': (input, random) => {
    for (const d of all(input, 'desktops')) if (random() < 0.7) delete d['host'];
  },
  'thousands of hosts': (input, random) => {
    if (random() < 0.8) return;
    const site = pick(all(input, 'sites'), random);
    const more = Array.from({ length: 3_000 }, (_, h) => ({
      id: `more${h}`,
      memoryGB: 4,
      vcpu: 4,
      diskGB: 50,
    }));
    site['hosts'] = [...all(site, 'hosts'), ...more];
    if (all(site, 'hosts').length === 3_000)
      for (const d of all(input, 'desktops')) if (d['site'] === site['id']) d['host'] = 'more7';
  },
  'no slots': (input, random) => {
    pick(all(input, 'sites'), random)['slots'] = 0;
  },
  'slots of hosts': (input, random) => {
    for (const s of all(input, 'sites'))
      for (const h of all(s, 'hosts')) h['slots'] = Math.floor(random() * 8);
  },
  'a desktop twice': (input, random) => {
    const d = all(input, 'desktops');
    if (d.length > 0) d.push({ ...pick(d, random) });
  },
};

/** Places of a plan where a number ought to be and is not a finite one. */
function notFinite(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${path} is ${value}`];
  if (value === null) return [`${path} is null`];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, x]) => notFinite(x, `${path}.${key}`));
}

/** What is wrong with a plan of `input`. */
function faults(input: PlanInput, plan: PlanResult): string[] {
  const texts = [...plan.moves, ...plan.notMoved].map((x) => x.reason);
  const last = new Map(plan.moves.map((m) => [m.desktop, m]));
  const told = [...last.keys(), ...plan.notMoved.map((n) => n.desktop)].sort();
  return [
    ...notFinite(plan),
    ...notFinite(JSON.parse(JSON.stringify(plan)), 'JSON'),
    ...violations(input, plan),
    ...texts.filter((text) => /\b(NaN|undefined|infinity)\b/i.test(text) || text.length < 5),
    ...[...last.values()].flatMap((m) => (m.parking ? [`${m.desktop} stays parked at ${m.to}`] : [])),
    ...(JSON.stringify(told) === JSON.stringify(input.desktops.map((d) => d.id).sort())
      ? []
      : ['some desktops are told twice or not at all']),
    ...(plan.objective > plan.bound * (1 + 1e-9) + 1e-6 ? ['more than the bound'] : []),
    ...budgetFaults(input, plan),
  ];
}

interface Case {
  readonly names: readonly string[];
  readonly input: Json;
}

function mutated(seed: number): Case {
  const random = randomFrom(seed);
  const input = JSON.parse(
    JSON.stringify(
      randomInput(seed, {
        desktops: 1 + Math.floor(random() * 12),
        sites: 1 + Math.floor(random() * 5),
        slack: pick([0, 0.1, 0.5, 2], random),
        ties: random() < 0.3,
        missing: random() < 0.3 ? 0.3 : 0,
        locked: random() < 0.3 ? 0.2 : 0,
        hosts: random() < 0.5,
        underWay: random() < 0.2 ? 0.2 : 0,
        felt: random() < 0.2,
        policy: pick([{}, { msPerGB: 1, minGainMs: 5 }, { highThreshold: 0.3, lowThreshold: 0.4 }], random),
      }),
    ),
  ) as Json;
  const names: string[] = [];
  for (let k = 1 + Math.floor(random() * 3); k > 0; k--) {
    const name = pick(Object.keys(MUTATIONS), random);
    names.push(name);
    // A mutation of what an earlier one took away is none.
    try {
      MUTATIONS[name]!(input, random);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return { names, input };
}

describe.each(Algorithm.options)('%s, given mutated inputs', (algorithm) => {
  it(`answers with named problems or a sound plan (${CASES} cases)`, async () => {
    const seen = { plans: 0, refused: 0, moves: 0 };
    const wrong: string[] = [];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
      const { names, input } = mutated(seed);
      const { policy } = input;
      const request = (typeof policy === 'object' && policy !== null && !Array.isArray(policy)
        ? { ...input, policy: { ...policy, algorithm } }
        : input) as unknown as PlanRequest;
      const strict = seed % 3 !== 0;
      try {
        const plan = await planWithHighs(request, { strict, nowMs: 0 });
        const bad = faults(PlanInput.parse(request), plan);
        if (bad.length > 0) wrong.push(JSON.stringify({ seed, strict, names, bad: bad.slice(0, 3) }));
        seen.plans++;
        seen.moves += plan.moves.length;
      } catch (error) {
        const named =
          isVmshadowError(error) &&
          error.code === 'INPUT_INVALID' &&
          (error.details['problems'] as unknown[]).length > 0;
        if (!named)
          wrong.push(
            JSON.stringify({ seed, strict, names, error: String((error as Error).stack).slice(0, 600) }),
          );
        seen.refused++;
      }
    }
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(seen.plans).toBeGreaterThan(CASES / 4);
    expect(seen.refused).toBeGreaterThan(CASES / 10);
    expect(seen.moves).toBeGreaterThan(CASES / 5);
  });
});
