// What limits a placement beside room and distance: pins, data residency, classes, unfit hosts, groups, what is emptied, overcommit.
// Small clouds whose right plan is plain, and random ones on which nothing may be broken that was kept before.
import { jest } from '@jest/globals';
import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import { groupsOf, mayReside, suits } from '../../../../domain/placement/request/constraints.js';
import {
  Algorithm,
  PlanInput,
  type PlanDesktop,
  type PlanRequest,
  type PlanResult,
} from '../../../../domain/placement/request/model.js';
import { randomFrom, randomInput, violations } from './instances.js';

// Hundreds of clouds: seconds on an idle machine.
jest.setTimeout(3_600_000);

const strict = { strict: true, what: 'the file' };
const site = (id: string, more: object = {}) => ({ id, kind: 'regional' as const, slots: 10, ...more });
const hosts = (...ids: string[]) => ({ hosts: ids.map((id) => ({ id, memoryGB: 64 })) });
const desktop = (id: string, at: string, rttMs: Record<string, number>, more: object = {}) => ({
  id,
  rank: 0.9,
  site: at,
  memoryGB: 2,
  diskGB: 20,
  rttMs,
  ...more,
});
const where = (input: PlanRequest, plan: PlanResult) => {
  const at = new Map(input.desktops.map((d) => [d.id, [d.site, d.host].filter(Boolean).join('/')]));
  for (const m of plan.moves) at.set(m.desktop, [m.to, m.toHost].filter(Boolean).join('/'));
  return Object.fromEntries(at);
};
const reasonOf = (plan: PlanResult, id: string) =>
  plan.notMoved.find((n) => n.desktop === id)?.reason ?? plan.moves.find((m) => m.desktop === id)?.reason;

describe.each(Algorithm.options)('%s', (algorithm) => {
  const policy = { algorithm, highThreshold: 0.5 };
  const plan = (request: PlanRequest) =>
    planWithHighs({ ...request, policy: { ...policy, ...request.policy } }, strict);

  it('empties a site without slots and one that is drained, the highest rank first, and says why', async () => {
    for (const empty of [{ slots: 0 }, { draining: true }]) {
      const input = {
        sites: [site('east', empty), site('west')],
        desktops: [
          desktop('low', 'east', { east: 10, west: 60 }, { rank: 0.2 }),
          desktop('high', 'east', { east: 10, west: 60 }),
        ],
      };
      const result = await plan(input);
      expect(result.moves.map((m) => [m.desktop, m.to])).toEqual([
        ['high', 'west'],
        ['low', 'west'],
      ]);
      for (const m of result.moves) expect(m.reason).toMatch(/^east (is to be emptied|holds 2 more)/);
      expect(result.gap).toBeGreaterThanOrEqual(0);
    }
  });

  it('sends nobody to a host that is closed, nobody from one host to another, and others all the same', async () => {
    const rtts = { a: 100, b: 10, c: 50 };
    const input = {
      sites: [site('a', hosts('h1', 'h2')), site('b', hosts('h1')), site('c', hosts('h1'))],
      desktops: [
        desktop('one', 'a', rtts, { host: 'h1' }),
        desktop('two', 'a', rtts, { host: 'h2' }),
        desktop('there', 'b', rtts, { host: 'h1' }),
      ],
    };
    const to = { site: 'b', host: 'h1' };
    const closed = { ...input, unfitRoutes: [{ to }] };
    expect(where(closed, await plan(closed))).toEqual({ one: 'c/h1', two: 'c/h1', there: 'b/h1' });
    const oneWay = { ...input, unfitRoutes: [{ from: { site: 'a', host: 'h1' }, to }] };
    expect(where(oneWay, await plan(oneWay))).toEqual({ one: 'c/h1', two: 'b/h1', there: 'b/h1' });
    const unknown = { ...input, unfitRoutes: [{ to: { site: 'b', host: 'h9' } }] };
    await expect(plan(unknown)).rejects.toThrow(/unfitRoutes names the unknown host b\/h9/);
  });

  it('gives the places of a drained site by what they lose, and keeps those that find none', async () => {
    const input = {
      sites: [site('old', { draining: true }), site('near', { slots: 1 }), site('far', { slots: 1 })],
      desktops: ['a', 'b', 'c'].map((id, k) =>
        desktop(id, 'old', { old: 5, near: 10, far: 90 }, { rank: 0.9 - k / 10 }),
      ),
    };
    const result = await plan(input);
    expect(where(input, result)).toEqual({ a: 'near', b: 'far', c: 'old' });
    expect(reasonOf(result, 'c')).toMatch(/old is to be emptied, but it finds no place: near, far: no room/);
  });

  it('thins out a site above its slots by as many as are too much, and sends nobody there', async () => {
    const input = {
      sites: [site('a', { slots: 2 }), site('b')],
      desktops: [
        ...['x', 'y', 'z'].map((id, k) => desktop(id, 'a', { a: 10, b: 20 + k * 20 }, { rank: 0.4 })),
        desktop('w', 'b', { a: 1, b: 200 }),
      ],
    };
    expect(where(input, await plan(input))).toEqual({ x: 'b', y: 'a', z: 'a', w: 'b' });
  });

  it('empties a host within its site where there is room, without counting a slot twice', async () => {
    const input = {
      sites: [
        site('a', {
          slots: 2,
          hosts: [
            { id: 'h1', draining: true },
            { id: 'h2', memoryGB: 64 },
          ],
        }),
        site('b', hosts('h3')),
      ],
      desktops: [
        desktop('x', 'a', { a: 10, b: 60 }, { host: 'h1' }),
        desktop('y', 'b', { a: 1, b: 100 }, { host: 'h3' }),
      ],
    };
    const result = await plan(input);
    expect(where(input, result)).toEqual({ x: 'a/h2', y: 'b/h3' });
    expect(reasonOf(result, 'x')).toMatch(/a\/h1 is to be emptied: another host of a has room/);
    expect(Object.keys(result.slotPrices)).toEqual(['a', 'b']);
  });

  it('keeps what is pinned, also at a site that is drained, and says so', async () => {
    const input = {
      sites: [site('a', { draining: true }), site('b')],
      desktops: [desktop('x', 'a', { a: 100, b: 1 }, { pinned: true }), desktop('y', 'a', { a: 100, b: 1 })],
    };
    const result = await plan(input);
    expect(where(input, result)).toEqual({ x: 'a', y: 'b' });
    expect(reasonOf(result, 'x')).toMatch(/a is to be emptied, but it stays: pinned/);
  });

  it('keeps data where it may be, and brings home what is where it may not', async () => {
    const rttMs = { a: 50, b: 1, c: 60 };
    const input = {
      sites: [site('a'), site('b'), site('c')],
      desktops: [
        desktop('allowed', 'a', rttMs, { allowedSites: ['a', 'c'] }),
        desktop('forbidden', 'a', rttMs, { forbiddenSites: ['b'] }),
        desktop('abroad', 'b', rttMs, { allowedSites: ['c'] }),
        desktop('free', 'a', rttMs),
      ],
    };
    const result = await plan(input);
    expect(where(input, result)).toEqual({ allowed: 'a', forbidden: 'a', abroad: 'c', free: 'b' });
    expect(reasonOf(result, 'allowed')).toMatch(/b would be nearer, but: not among the sites/);
    expect(reasonOf(result, 'abroad')).toMatch(
      /b is not among the sites that it may be at: c is 59 ms farther/,
    );
  });

  it('sends nobody where its class is not, nor to a host that cannot take it', async () => {
    const rttMs = { a: 50, b: 1 };
    const input = {
      sites: [
        site('a', hosts('h1')),
        site('b', {
          provides: ['windows'],
          hosts: [
            { id: 'h2', memoryGB: 64, provides: ['gpu'] },
            { id: 'h3', memoryGB: 8 },
          ],
        }),
      ],
      desktops: [
        desktop('render', 'a', rttMs, { host: 'h1', requires: ['gpu', 'windows'] }),
        desktop('lab', 'a', rttMs, { host: 'h1', requires: ['fpga'] }),
        desktop('old', 'a', rttMs, {
          host: 'h1',
          unfitHosts: [{ site: 'b', host: 'h2', reason: 'no avx2' }],
        }),
      ],
    };
    const result = await plan(input);
    expect(where(input, result)).toEqual({ render: 'b/h2', lab: 'a/h1', old: 'b/h3' });
    expect(reasonOf(result, 'lab')).toMatch(/b would be nearer, but: no host there suits it/);
  });

  it('spreads a group as far as hosts, or sites, allow', async () => {
    const rttMs = { a: 60, b: 10 };
    const group = (antiAffinity: unknown) => ({
      sites: [site('a', hosts('h1', 'h2')), site('b', hosts('h3', 'h4'))],
      desktops: ['x', 'y', 'z'].map((id) =>
        desktop(id, 'a', rttMs, { host: id === 'x' ? 'h1' : 'h2', antiAffinity }),
      ),
    });
    const byHost = await plan(group('dc'));
    expect(new Set(byHost.moves.map((m) => m.toHost))).toEqual(new Set(['h3', 'h4']));
    expect(byHost.notMoved.map((n) => n.reason).join()).toMatch(/no other of its group/);
    const bySite = await plan(group([{ group: 'dc', per: 'site' }]));
    expect(bySite.moves).toHaveLength(1);
  });

  it('moves a group that stays together as one, or not at all', async () => {
    const together = (slots: number) => ({
      sites: [site('a'), site('b', { slots })],
      desktops: [
        desktop('x', 'a', { a: 100, b: 10 }, { affinity: 'team' }),
        desktop('y', 'a', { a: 20, b: 30 }, { affinity: 'team' }),
      ],
    });
    const result = await plan(together(2));
    expect(where(together(2), result)).toEqual({ x: 'b', y: 'b' });
    expect(new Set(result.moves.map((m) => m.wave)).size).toBe(1);
    expect(reasonOf(result, 'y')).toMatch(/goes with its group team: b is 10 ms farther/);
    const tight = await plan(together(1));
    expect(tight.moves).toEqual([]);
    expect(tight.bound).toBeGreaterThan(0);
  });

  it('gives hosts out more often where the policy, or the host, says so', async () => {
    const input = (hostFactor: object, policyFactor: object) => ({
      sites: [
        site('east', { hosts: [{ id: 'h1', vcpu: 8, ...hostFactor }] }),
        site('west', { hosts: [{ id: 'h2', vcpu: 8 }] }),
      ],
      desktops: ['a', 'b'].map((id) => desktop(id, 'west', { east: 10, west: 60 }, { host: 'h2', vcpu: 6 })),
      policy: policyFactor,
    });
    expect((await plan(input({}, {}))).moves).toHaveLength(1);
    expect((await plan(input({}, { overcommit: { vcpu: 2 } }))).moves).toHaveLength(2);
    expect((await plan(input({ overcommit: { vcpu: 1.5 } }, {}))).moves).toHaveLength(2);
    expect((await plan(input({ overcommit: { vcpu: 1 } }, { overcommit: { vcpu: 2 } }))).moves).toHaveLength(
      1,
    );
  });
});

it('says who is how far before and after, what crosses which link for how long, and what constraints cost', async () => {
  const input = {
    sites: [site('a'), site('b'), site('c')],
    desktops: [
      desktop('x', 'a', { a: 200, b: 10, c: 90 }, { rank: 1 }),
      desktop('y', 'a', { a: 100, b: 20, c: 90 }, { rank: 1, forbiddenSites: ['b'] }),
      desktop('z', 'b', { a: 60, b: 160, c: 30 }, { rank: 1, pinned: true }),
    ],
    policy: { linkMbps: 100 },
  };
  const { figures } = await planWithHighs(input, strict);
  expect(figures).toEqual({
    users: 3,
    above: [
      { rttMs: 40, before: 3, after: 2 },
      { rttMs: 80, before: 3, after: 2 },
      { rttMs: 150, before: 2, after: 1 },
    ],
    worst: { before: { desktop: 'x', rttMs: 200 }, after: { desktop: 'z', rttMs: 160 } },
    links: [
      { from: 'a', to: 'b', moves: 1, gigabytes: 22, hours: (22 * 8) / 0.1 / 3600 },
      { from: 'a', to: 'c', moves: 1, gigabytes: 22, hours: (22 * 8) / 0.1 / 3600 },
    ],
    constraints: [
      { constraint: 'pinned', costsMs: 130 },
      { constraint: 'data residency', costsMs: 70 },
    ],
  });
});

const CLOUDS = 60;
const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!;

function constrained(seed: number): PlanInput {
  const random = randomFrom(seed * 31 + 5);
  const base = randomInput(seed, {
    desktops: 6 + Math.floor(random() * 30),
    sites: 2 + Math.floor(random() * 5),
    slack: pick([0.05, 0.3, 0.6], random),
    hosts: true,
    locked: random() < 0.3 ? 0.2 : 0,
  });
  const ids = base.sites.map((s) => s.id);
  const chance = (share: number) => random() < share;
  const classes = ['gpu', 'windows'];
  return PlanInput.parse({
    ...base,
    sites: base.sites.map((s) => ({
      ...s,
      slots: Math.max(0, s.slots - (chance(0.2) ? 2 : 0)),
      draining: chance(0.15),
      provides: classes.filter(() => chance(0.5)),
      hosts: s.hosts?.map((h) => ({
        ...h,
        draining: chance(0.15),
        provides: classes.filter(() => chance(0.3)),
        ...(chance(0.3) ? { overcommit: { vcpu: 2 } } : {}),
      })),
    })),
    desktops: base.desktops.map((d) => ({
      ...d,
      pinned: chance(0.05),
      ...(chance(0.15) ? { allowedSites: ids.filter(() => chance(0.6)) } : {}),
      ...(chance(0.15) ? { forbiddenSites: ids.filter(() => chance(0.3)) } : {}),
      ...(chance(0.1) ? { requires: [pick(classes, random)] } : {}),
      ...(chance(0.2)
        ? {
            antiAffinity: [
              { group: `g${Math.floor(random() * 3)}`, per: pick(['host', 'site'] as const, random) },
            ],
          }
        : {}),
      ...(chance(0.2)
        ? {
            affinity: [
              { group: `t${Math.floor(random() * 3)}`, per: pick(['host', 'site'] as const, random) },
            ],
          }
        : {}),
      ...(chance(0.1) ? { unfitHosts: [{ site: pick(ids, random), host: 'h0' }] } : {}),
    })),
    policy: {
      highThreshold: 0.4,
      ...(random() < 0.3 ? { maxMoves: Math.floor(random() * 10) } : {}),
      ...(random() < 0.3 ? { overcommit: { vcpu: 1.5 } } : {}),
    },
  });
}

interface Place {
  readonly site: string;
  readonly host: string | undefined;
}

/** Pairs of one group that share what they should not. */
function pairs(
  input: PlanInput,
  at: ReadonlyMap<string, Place>,
  field: 'antiAffinity' | 'affinity',
  together: boolean,
): Set<string> {
  const found = new Set<string>();
  const key = (per: string, p: Place) => (per === 'site' ? p.site : `${p.site}/${p.host ?? ''}`);
  for (const a of input.desktops)
    for (const b of input.desktops)
      for (const g of groupsOf(a[field]))
        if (a.id < b.id && groupsOf(b[field]).some((h) => h.name === g.name && h.per === g.per)) {
          const same = key(g.per, at.get(a.id)!) === key(g.per, at.get(b.id)!);
          if (same === together) found.add(`${a.id} ${b.id} ${g.per} ${g.name}`);
        }
  return found;
}

function faults(input: PlanInput, plan: PlanResult): string[] {
  const found: string[] = [];
  const now = new Map<string, Place>(input.desktops.map((d) => [d.id, { site: d.site, host: d.host }]));
  const then = new Map(now);
  for (const m of plan.moves) then.set(m.desktop, { site: m.to, host: m.toHost });
  const byId = new Map(input.desktops.map((d): [string, PlanDesktop] => [d.id, d]));
  for (const m of plan.moves) {
    const d = byId.get(m.desktop)!;
    const to = input.sites.find((s) => s.id === m.to)!;
    const host = to.hosts?.find((h) => h.id === m.toHost);
    if (d.pinned === true) found.push(`${d.id} is pinned`);
    if (!mayReside(d, m.to)) found.push(`${d.id} may not be at ${m.to}`);
    if (to.draining === true || host?.draining === true) found.push(`${m.to}/${m.toHost ?? ''} is emptied`);
    if (!suits(d, to, host)) found.push(`${m.to}/${m.toHost ?? ''} does not suit ${d.id}`);
  }
  for (const [field, together] of [
    ['antiAffinity', true],
    ['affinity', false],
  ] as const) {
    const before = pairs(input, now, field, together);
    for (const pair of pairs(input, then, field, together))
      if (!before.has(pair)) found.push(`${field}: ${pair}`);
  }
  if (plan.moves.length > (input.policy.maxMoves ?? Infinity)) found.push('beyond maxMoves');
  if (plan.gap < 0 || !Number.isFinite(plan.bound)) found.push(`gap ${plan.gap}`);
  return found;
}

/** As the planner counts hosts: with their overcommit. */
function roomy(input: PlanInput): PlanInput {
  return {
    ...input,
    sites: input.sites.map((s) => ({
      ...s,
      hosts: s.hosts?.map((h) => ({
        ...h,
        vcpu: (h.vcpu ?? Infinity) * (h.overcommit?.vcpu ?? input.policy.overcommit?.vcpu ?? 1),
      })),
    })),
  };
}

it.each(Algorithm.options.filter((a) => a !== 'ilp'))(
  `%s breaks no constraint, and makes none that is broken worse, on ${CLOUDS} random clouds`,
  async (algorithm) => {
    let moves = 0;
    for (let seed = 1; seed <= CLOUDS; seed++) {
      const input = constrained(seed);
      const plan = await planWithHighs({ ...input, policy: { ...input.policy, algorithm } }, strict);
      expect({ seed, faults: [...faults(input, plan), ...violations(roomy(input), plan)] }).toEqual({
        seed,
        faults: [],
      });
      moves += plan.moves.length;
    }
    expect(moves).toBeGreaterThan(CLOUDS);
  },
);
