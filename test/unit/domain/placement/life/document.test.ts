import { PoolId } from '../../../../../domain/model/ids.js';
import { readPlanDocument, type PlanDocument } from '../../../../../domain/placement/life/document.js';
import { diffPlans } from '../../../../../domain/placement/life/diff.js';
import { changesBetween, type CloudSnapshot } from '../../../../../domain/placement/life/snapshot.js';

const site = (id: string, slots = 2) => ({
  id,
  kind: 'regional' as const,
  slots,
  hosts: [{ id: 'h1', alive: true, slots, vcpu: 8 }],
});
const cloud: CloudSnapshot = {
  sites: [site('west'), site('east'), site('north')],
  desktops: [
    {
      id: 'a',
      site: 'west',
      host: 'h1',
      state: 'running',
      rank: 0.9,
      rttMs: { west: 100, east: 10, north: 50 },
    },
    {
      id: 'b',
      site: 'west',
      host: 'h1',
      state: 'running',
      rank: 0.5,
      rttMs: { west: 100, east: 20, north: 60 },
    },
  ],
  policy: { msPerGB: 2 },
};
const move = (desktop: string, to: string, wave = 1, from = 'west') => ({
  desktop,
  from,
  to,
  fromHost: 'h1',
  toHost: 'h1',
  wave,
  rttBeforeMs: 100,
  rttAfterMs: 10,
  benefit: 1,
  gainMs: 81,
  cost: 10,
  slotPrice: 0,
  reason: 'nearer',
});
const plan: PlanDocument['plan'] = {
  algorithm: 'exact',
  objective: 81,
  bound: 81,
  gap: 0,
  bytesMoved: 1e10,
  solveMs: 1,
  moves: [move('a', 'east')],
  notMoved: [{ desktop: 'b', reason: 'east is full' }],
  slotPrices: {},
  warnings: [],
};
const document: PlanDocument = {
  vmshadowPlan: 1,
  madeAtMs: 1,
  pool: PoolId.parse('main'),
  cloud,
  plan,
};
const copy = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;

describe('readPlanDocument', () => {
  it('reads what was written', () => {
    expect(readPlanDocument(copy(document), 'f')).toEqual(document);
  });

  const problems = (value: unknown): string => {
    try {
      readPlanDocument(value, 'plan.json');
    } catch (error) {
      expect(error).toMatchObject({ code: 'INPUT_INVALID' });
      return (error as Error).message;
    }
    throw new Error('it was taken');
  };

  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /not a saved plan/],
    ['a list', [], /not a saved plan/],
    ['a plan input', { sites: [], desktops: [] }, /not a saved plan: `vmshadow plan --out FILE` makes one/],
    ['another version', { ...document, vmshadowPlan: 2 }, /reads version 1, the file says 2/],
    ['a version that is none', { ...document, vmshadowPlan: { a: 1 } }, /the file says \{"a":1\}/],
    ['unknown fields', { ...document, force: true }, /force/],
    ['a pool that can be none', { ...document, pool: '../x' }, /pool: a pool id must be/],
    [
      'a move of nobody',
      { ...document, plan: { ...plan, moves: [move('x', 'east')] } },
      /there is no desktop x/,
    ],
    [
      'a move to nowhere',
      { ...document, plan: { ...plan, moves: [move('a', 'mars')] } },
      /there is no site mars/,
    ],
    [
      'a move to no host',
      { ...document, plan: { ...plan, moves: [{ ...move('a', 'east'), toHost: 'h9' }] } },
      /site east has no host h9/,
    ],
    [
      'a move without a host',
      { ...document, plan: { ...plan, moves: [{ ...move('a', 'east'), toHost: undefined }] } },
      /a plan for a pool names the host/,
    ],
    [
      'a move to where it is',
      { ...document, plan: { ...plan, moves: [move('a', 'west')] } },
      /expected a move to another site or host/,
    ],
    [
      'a move from elsewhere',
      { ...document, plan: { ...plan, moves: [move('a', 'east', 1, 'north')] } },
      /a is said to leave north, but is at west/,
    ],
    [
      'two moves of one in a wave',
      { ...document, plan: { ...plan, moves: [move('a', 'east'), move('a', 'north', 1, 'east')] } },
      /a moves twice within wave 1/,
    ],
    ['figures that are none', { ...document, plan: { ...plan, objective: null } }, /plan.objective/],
    [
      'a desktop twice',
      { ...document, cloud: { ...cloud, desktops: [...cloud.desktops, cloud.desktops[0]] } },
      /twice/,
    ],
    [
      'a name that drives a terminal',
      { ...document, plan: { ...plan, moves: [move('\u001b[2J', 'east')] } },
      /control/,
    ],
  ])('refuses %s', (_case, value, said) => {
    expect(problems(copy(value))).toMatch(said);
  });

  it('names all problems at once, and not ten thousand of them', () => {
    const moves = [move('x', 'mars'), move('a', 'mars'), { ...move('b', 'east'), toHost: 'h7' }];
    expect(problems({ ...document, plan: { ...plan, moves } })).toMatch(/4 problems(\n {2}- .*){4}$/);
    const many = Array.from({ length: 10_000 }, (_, k) => move(`x${String(k)}`, 'east'));
    const said = problems({ ...document, plan: { ...plan, moves: many } });
    expect(said.split('\n')).toHaveLength(22);
    expect(said).toContain('and 9980 more');
  });
});

describe('changesBetween', () => {
  const words = (now: CloudSnapshot) => changesBetween(cloud, now).map((c) => `${c.of} ${c.name}: ${c.what}`);
  const changed = (change: (draft: CloudSnapshot) => unknown) => {
    const draft = copy(cloud);
    change(draft);
    return words(draft);
  };

  it('finds none between equals, whatever the order, nor in what wavers', () => {
    expect(words(copy(cloud))).toEqual([]);
    expect(changed((c) => c.desktops.reverse())).toEqual([]);
    expect(
      changed((c) => {
        c.desktops[0]!.rank = 0.95;
        c.desktops[0]!.rttMs = { west: 109, east: 13, north: 50 };
      }),
    ).toEqual([]);
  });

  it.each<[string, (draft: CloudSnapshot) => unknown, string[]]>([
    ['a desktop that is gone', (c) => c.desktops.pop(), ['desktop b: is gone']],
    ['a new one', (c) => c.desktops.push({ ...c.desktops[0]!, id: 'c' }), ['desktop c: is new']],
    ['one that moved', (c) => (c.desktops[0]!.site = 'east'), ['desktop a: moved from west/h1 to east/h1']],
    ['one that stopped', (c) => (c.desktops[0]!.state = 'stopped'), ['desktop a: is stopped, was running']],
    ['another rank', (c) => (c.desktops[0]!.rank = 0.2), ['desktop a: rank 0.90 -> 0.20']],
    ['a rank not known', (c) => (c.desktops[0]!.rank = null), ['desktop a: rank 0.90 -> not known']],
    [
      'a user elsewhere',
      (c) => (c.desktops[0]!.rttMs['east'] = 90),
      ['desktop a: round trip to east 10 ms -> 90 ms'],
    ],
    [
      'a lost time',
      (c) => Reflect.deleteProperty(c.desktops[0]!.rttMs, 'east'),
      ['desktop a: round trip to east 10 ms -> not known'],
    ],
    [
      'a constraint',
      (c) => (c.desktops[0]!.constraints = { pinned: true }),
      ['desktop a: constraints not set -> {"pinned":true}'],
    ],
    ['a silent host', (c) => (c.sites[0]!.hosts[0]!.alive = false), ['host west/h1: does not answer']],
    ['an emptied host', (c) => (c.sites[0]!.hosts[0]!.draining = true), ['host west/h1: is being emptied']],
    ['an emptied site', (c) => (c.sites[0]!.draining = true), ['site west: is being emptied']],
    ['fewer slots', (c) => (c.sites[0]!.slots = 1), ['site west: slots 2 -> 1']],
    ['a host with less', (c) => (c.sites[0]!.hosts[0]!.vcpu = 4), ['host west/h1: vcpu 8 -> 4']],
    ['a site that is gone', (c) => c.sites.pop(), ['site north: is gone']],
    ['another policy', (c) => (c.policy['msPerGB'] = 5), ['policy msPerGB: 2 -> 5']],
  ])('says %s', (_case, change, said) => {
    expect(changed(change)).toEqual(said);
  });
});

describe('diffPlans', () => {
  const before = { cloud, plan };
  const diff = (now: Partial<PlanDocument['plan']>, then: CloudSnapshot = cloud) =>
    diffPlans(before, { cloud: then, plan: { ...plan, ...now } });

  it('is the same for the same moves, whatever they are called a wave', () => {
    expect(diff({ moves: [move('a', 'east', 3)] })).toMatchObject({
      same: true,
      moves: [{ kind: 'kept', why: [] }],
    });
  });

  it('tells what is dropped, new and elsewhere, with what has changed and what the plan says', () => {
    const then = copy(cloud);
    then.desktops[0]!.rank = 0.1;
    then.sites[1]!.slots = 1;
    const dropped = diff(
      { moves: [move('b', 'east')], notMoved: [{ desktop: 'a', reason: 'gains 8' }] },
      then,
    );
    expect(dropped.same).toBe(false);
    expect(dropped.moves).toEqual([
      {
        desktop: 'a',
        kind: 'dropped',
        before: { from: 'west/h1', to: 'east/h1' },
        now: null,
        why: ['rank 0.90 -> 0.10', 'east slots 2 -> 1', 'the plan now: gains 8'],
      },
      {
        desktop: 'b',
        kind: 'new',
        before: null,
        now: { from: 'west/h1', to: 'east/h1' },
        why: ['east slots 2 -> 1', 'the plan now: nearer'],
      },
    ]);
    expect(diff({ moves: [move('a', 'north')] }).moves[0]).toMatchObject({ kind: 'other' });
  });

  it('takes a stop on the way for no target', () => {
    const way = [move('a', 'north'), move('a', 'east', 2, 'north')];
    expect(diff({ moves: way }).same).toBe(true);
  });

  it('sets the figures beside each other, and null where a plan says none', () => {
    const figures = {
      users: 2,
      above: [{ rttMs: 40, before: 2, after: 1 }],
      worst: { before: { desktop: 'a', rttMs: 100 }, after: { desktop: 'b', rttMs: 90 } },
      links: [],
      constraints: [],
    };
    expect(diff({ figures, bytesMoved: 5e9 }).figures).toEqual(
      expect.arrayContaining([
        { what: 'gigabytes', before: 10, now: 5 },
        { what: 'users above 40 ms after the plan', before: null, now: 1 },
        { what: 'farthest user after the plan, ms', before: null, now: 90 },
      ]),
    );
  });
});
