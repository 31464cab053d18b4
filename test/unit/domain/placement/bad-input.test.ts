import { jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import { planFromFile } from '../../../../cli/commands/plan-file.js';
import { renderFilePlan } from '../../../../cli/render/plan-file.js';
import {
  Algorithm,
  type PlanRequest,
  type PlanReservation,
} from '../../../../domain/placement/request/model.js';

// Hundreds of clouds a test: seconds on an idle machine, more on a busy one.
jest.setTimeout(180_000);

const site = (id: string, slots: number, more = {}) => ({ id, kind: 'regional' as const, slots, ...more });
const desktop = (id: string, at: string, rttMs: Record<string, number>, more = {}) => ({
  id,
  rank: 0.9,
  site: at,
  memoryGB: 4,
  diskGB: 10,
  rttMs,
  ...more,
});
const good: PlanRequest = {
  sites: [site('a', 2), site('b', 2)],
  desktops: [desktop('x', 'a', { a: 100, b: 10 }), desktop('y', 'b', { a: 20, b: 30 })],
};
const strict = { strict: true, nowMs: 0 };

describe('a plan input is refused', () => {
  const cases: [string, unknown, RegExp][] = [
    ['a NaN RTT', { ...good, desktops: [desktop('x', 'a', { a: NaN, b: 10 })] }, /rttMs\.a/],
    [
      'a negative RTT',
      { ...good, desktops: [desktop('x', 'a', { a: 100, b: -1 })] },
      /rttMs\.b.*0 ms or more/,
    ],
    ['an infinite RTT', { ...good, desktops: [desktop('x', 'a', { a: Infinity })] }, /rttMs\.a/],
    [
      'an RTT that is text',
      { ...good, desktops: [{ ...desktop('x', 'a', {}), rttMs: { a: '5' } }] },
      /rttMs\.a/,
    ],
    ['an unknown site', { ...good, desktops: [desktop('x', 'c', { a: 1 })] }, /desktop x: unknown site c/],
    [
      'an RTT to an unknown site',
      { ...good, desktops: [desktop('x', 'a', { a: 1, c: 1 })] },
      /desktop x: rttMs names the unknown site c/,
    ],
    [
      'an unknown host',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { host: 'h' })] },
      /site a has no host h/,
    ],
    [
      'a desktop named twice',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }), desktop('x', 'b', { b: 1 })] },
      /x is named twice/,
    ],
    [
      'a site named twice',
      { ...good, sites: [site('a', 2), site('a', 2), site('b', 1)] },
      /a is named twice/,
    ],
    [
      'a host named twice',
      { ...good, sites: [site('a', 2, { hosts: [{ id: 'h' }, { id: 'h' }] }), site('b', 1)] },
      /host h is named twice in a/,
    ],
    [
      'two reservations for one desktop',
      {
        ...good,
        reservations: ['a', 'b'].map((id) => ({ desktop: 'x', site: id, memoryGB: 1, diskGB: 1 })),
      },
      /reservations: x has two/,
    ],
    ['a rank above 1', { ...good, desktops: [desktop('x', 'a', { a: 1 }, { rank: 1.1 })] }, /rank/],
    ['a negative size', { ...good, desktops: [desktop('x', 'a', { a: 1 }, { memoryGB: -1 })] }, /memoryGB/],
    ['half a slot', { ...good, sites: [site('a', 1.5), site('b', 2)] }, /slots/],
    [
      'a constraint that is not understood',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { antiAfinity: 'dc' })] },
      /unknown field desktops\[\]\.antiAfinity/,
    ],
    [
      'a residency at a site that is not there',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { allowedSites: ['a', 'nowhere'] })] },
      /allowedSites names the unknown site nowhere/,
    ],
    [
      'an unknown unfit host',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { unfitHosts: [{ site: 'b', host: 'h9' }] })] },
      /unfitHosts names the unknown host b\/h9/,
    ],
    [
      'an overcommit factor below 1',
      { ...good, policy: { overcommit: { vcpu: 0.5 } } },
      /policy\.overcommit\.vcpu/,
    ],
    ['a resource that is none', { ...good, policy: { overcommit: { cpu: 2 } } }, /overcommit[^]*cpu/],
    [
      'a group by a shelf',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { affinity: { group: 'g', per: 'shelf' } })] },
      /desktops\.0\.affinity/,
    ],
    [
      'desktops without any site',
      { sites: [], desktops: good.desktops },
      /unknown site a; there are no sites/,
    ],
    [
      'room held at an unknown host',
      {
        ...good,
        reservations: [{ desktop: 'z', site: 'a', host: 'h' }],
        sites: [site('a', 9, { hosts: [] }), site('b', 2)],
      },
      /reservation for z: site a has no host h/,
    ],
    [
      'a site named __proto__, which no JSON object could be asked for',
      { ...good, sites: [...good.sites, site('__proto__', 1)] },
      /sites\.2\.id.*not __proto__/,
    ],
    ['figures that would overflow: weights', { ...good, policy: { w1: 1e308 } }, /policy\.w1/],
    ['figures that would overflow: prices', { ...good, policy: { msPerGB: 1e300 } }, /policy\.msPerGB/],
    ['figures that would overflow: budgets', { ...good, policy: { budgetGB: 1e300 } }, /policy\.budgetGB/],
    [
      'figures that would overflow: vCPUs',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { vcpu: 1e300 })] },
      /vcpu/,
    ],
    [
      'figures that would overflow: times',
      { ...good, desktops: [desktop('x', 'a', { a: 1 }, { lockedUntilMs: 1e308 })] },
      /lockedUntilMs/,
    ],
    ['a list instead of an object', [], /expected object/],
    ['nothing', null, /expected object/],
    ['text', 'sites', /expected object/],
  ];
  it.each(cases)('with %s', async (_, input, message) => {
    await expect(planWithHighs(input as PlanRequest, strict)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });

  it('with every problem named at once', async () => {
    const input = {
      sites: [site('a', 0), site('a', 1)],
      desktops: [desktop('x', 'a', { a: -5 }), desktop('x', 'nowhere', { a: 5 })],
    };
    const error = await planWithHighs(input, strict).catch((e: unknown) => e as Error);
    for (const part of [/rttMs\.a/, /a is named twice/, /x is named twice/, /unknown site nowhere/])
      expect((error as Error).message).toMatch(part);
  });
});

it('names of letters hide no other problem, and none of them reaches a terminal as it is', async () => {
  const letters = (n: number) => n.toString(2).replaceAll('0', 'o').replaceAll('1', 'i');
  const twins = Array.from({ length: 400 }, (_, n) => desktop(letters(n >> 1), 'a', { a: 1 }));
  const evil = desktop('\u001b]0;title\u0007', `\u001b[2J${'m'.repeat(5_000)}`, { a: 1 });
  const error = await planWithHighs(
    { ...good, desktops: [...twins, evil, desktop('z', 'mars', {})] },
    strict,
  ).catch((e: unknown) => e as Error);
  const { message } = error as Error;
  expect(message).toMatch(/unknown site mars/);
  expect(message).toMatch(/and \d+ more$/);
  expect(message.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(Math.max(...message.split('\n').map((line) => line.length))).toBeLessThan(500);
});

it('an element that cannot be read hides no problem of the others, and many of one kind none of another', async () => {
  const wrong = {
    sites: [...good.sites, null],
    desktops: [
      ...Array.from({ length: 200 }, (_, n) => desktop(`d${n}`, 'a', { a: NaN })),
      7,
      desktop(
        'z',
        'mars',
        { a: 1 },
        { unfitHosts: [3, { site: 'a', host: 'h' }], allowedSites: [1, 'moon'] },
      ),
    ],
    reservations: [
      { desktop: 'p', site: 'venus', memoryGB: 'x' },
      null,
      { desktop: 'q', site: 'pluto' },
      { site: 'b' },
    ],
    unfitRoutes: [{ from: { site: 'k', host: 'l' } }, { to: { site: 'q', host: 'r' } }],
  };
  const error = await planWithHighs(wrong as unknown as PlanRequest, { what: 'file', ...strict }).catch(
    (e: unknown) => e as Error,
  );
  for (const said of [
    'sites.2',
    'desktops.200',
    'mars',
    'moon',
    'a/h',
    'venus',
    'pluto',
    'k/l',
    'q/r',
    'rttMs.a',
  ])
    expect((error as Error).message).toContain(said);
  expect((error as Error).message).toMatch(/and \d+ more/);
});

it.each<[string, object, RegExp]>([
  [
    'a pin where it may not be',
    { pinned: true, allowedSites: ['b'] },
    /x: it is pinned to a, where it may not be/,
  ],
  [
    'only sites that are forbidden',
    { allowedSites: ['b'], forbiddenSites: ['b'] },
    /x: each of its allowedSites is forbidden/,
  ],
  ['no site at all', { allowedSites: [] }, /x: allowedSites names no site/],
  [
    'a pair together and apart',
    { affinity: 'g', antiAffinity: 'k' },
    /x and w are to be together \(affinity g\) and apart/,
  ],
  [
    'a group larger than any host',
    { affinity: 'g', memoryGB: 20 },
    /affinity g: its 2 desktops .* fit no host together/,
  ],
])('says that constraints contradict each other: %s; and the rest is planned', async (_, more, said) => {
  const hosts = [{ id: 'h', memoryGB: 32 }];
  const plan = await planWithHighs(
    {
      sites: [site('a', 3, { hosts }), site('b', 3, { hosts })],
      desktops: [
        desktop('x', 'a', { a: 100, b: 10 }, more),
        desktop('w', 'a', { a: 100, b: 10 }, more),
        desktop('free', 'a', { a: 100, b: 10 }),
      ],
    },
    { what: 'file', ...strict },
  );
  expect(plan.warnings.join('\n')).toMatch(said);
  expect(plan.moves.map((m) => m.desktop)).toEqual(['free']);
});

describe.each(Algorithm.options)('%s makes a valid plan', (algorithm) => {
  const policy = { algorithm };
  it('of round trips and sizes that are next to nothing, in finite figures', async () => {
    const tiny = { memoryGB: 0, diskGB: 0 };
    const desktops = [
      desktop('x', 'a', { a: 5e-324, b: 1e6 }, tiny),
      desktop('y', 'a', { a: 1e6, b: 5e-324 }, { ...tiny, diskGB: 5e-324 }),
      desktop('z', 'b', { a: 40, b: 50 }, { rank: 0.1 }),
      desktop('u', 'b', { a: 10, b: 50 }, { lockedUntilMs: Number.MAX_SAFE_INTEGER }),
    ];
    const sites = [site('a', 2), site('b', 3), { id: 'c', kind: 'global' as const, slots: 3 }];
    for (const more of [
      {},
      { budgetGB: 0 },
      { budgetGB: 1, msPerGB: 1e6 },
      { w1: 0, w2: 0 },
      { w1: 1e6, w2: 1e6 },
    ]) {
      const plan = await planWithHighs({ sites, desktops, policy: { ...policy, ...more } }, strict);
      expect(JSON.stringify(plan)).not.toMatch(/null|NaN|infinity/i);
    }
  });

  it('of an empty cloud', async () => {
    const plan = await planWithHighs({ sites: [], desktops: [], policy }, strict);
    expect(plan).toMatchObject({ objective: 0, bound: 0, gap: 0, bytesMoved: 0, moves: [], notMoved: [] });
    expect(plan.warnings).toEqual(['there are no desktops: nothing to plan']);
  });

  it('of sites without desktops', async () => {
    expect((await planWithHighs({ sites: good.sites, desktops: [], policy }, strict)).moves).toEqual([]);
  });

  it('of a cloud whose sites are all full: nobody moves, and it says so', async () => {
    const input = {
      sites: [site('a', 1), site('b', 1)],
      desktops: [desktop('x', 'a', { a: 100, b: 10 }), desktop('y', 'b', { a: 10, b: 100 })],
      policy,
    };
    const plan = await planWithHighs(input, strict);
    expect(plan.moves).toEqual([]);
    expect(plan.notMoved.map((n) => n.desktop)).toEqual(['x', 'y']);
    expect(plan.notMoved[0]!.reason).toMatch(/^(a and b would exchange|b has no room)/);
    expect(plan.notMoved[1]!.reason).toMatch(/^(b and a would exchange|a has no room)/);
  });

  it('that leaves a desktop larger than any host where it is, and says so', async () => {
    const input = {
      sites: [site('a', 2), site('b', 2, { hosts: [{ id: 'h', vcpu: 8, memoryGB: 3, diskGB: 100 }] })],
      desktops: [desktop('x', 'a', { a: 100, b: 10 })],
      policy,
    };
    const plan = await planWithHighs(input, strict);
    expect(plan.moves).toEqual([]);
    expect(plan.notMoved[0]!.reason).toMatch(/larger than any host of b/);
  });

  it('that leaves out a desktop whose own round-trip time is not known', async () => {
    const plan = await planWithHighs({ ...good, desktops: [desktop('x', 'a', { b: 10 })], policy }, strict);
    expect(plan.moves).toEqual([]);
    expect(plan.notMoved[0]!.reason).toMatch(/no round-trip time to its own site a/);
  });

  it('that sends nobody to a site without a known round-trip time', async () => {
    const plan = await planWithHighs({ ...good, desktops: [desktop('x', 'a', { a: 100 })], policy }, strict);
    expect(plan.moves).toEqual([]);
    expect(plan.notMoved[0]!.reason).toMatch(/1 site without a known round-trip time/);
  });

  it('that leaves locked desktops and those on their way alone, and counts the room that is reserved', async () => {
    const sites = [site('a', 3), site('b', 1)];
    const x = desktop('x', 'a', { a: 100, b: 10 });
    const locked = await planWithHighs(
      { sites, desktops: [{ ...x, lockedUntilMs: 5 }], policy },
      { ...strict, nowMs: 4 },
    );
    expect(locked.notMoved[0]!.reason).toMatch(/locked/);
    const free = await planWithHighs(
      { sites, desktops: [{ ...x, lockedUntilMs: 5 }], policy },
      { ...strict, nowMs: 5 },
    );
    expect(free.moves).toHaveLength(1);
    const reserved = await planWithHighs(
      {
        sites,
        desktops: [x, desktop('y', 'a', { a: 50, b: 5 })],
        reservations: [{ desktop: 'y', site: 'b' }],
        policy,
      },
      strict,
    );
    expect(reserved.moves).toEqual([]);
    expect(reserved.notMoved.find((n) => n.desktop === 'y')!.reason).toMatch(/under way/);
  });
});

describe('a tolerant caller (a live cloud)', () => {
  it('is warned of an RTT to a site that is gone, and of a site above its slots, which nobody enters', async () => {
    const plan = await planWithHighs({
      sites: [site('a', 3), site('b', 1)],
      desktops: [
        desktop('x', 'a', { a: 100, b: 10, gone: 1 }),
        desktop('y', 'b', { b: 10 }),
        desktop('z', 'b', { b: 10 }),
      ],
    });
    expect(plan.moves).toEqual([]);
    expect(plan.warnings.join('\n')).toMatch(/unknown site gone[^]*site b: 2 desktops/);
  });
});

it('ilp has a bound where hosts are above their capacity, so that its program has no solution', async () => {
  const plan = await planWithHighs({
    sites: [site('a', 3, { hosts: [{ id: 'h', memoryGB: 3 }] }), site('b', 1)],
    desktops: [desktop('x', 'a', { a: 100, b: 10 }, { host: 'h', lockedUntilMs: 1 })],
    policy: { algorithm: 'ilp' },
    nowMs: 0,
  });
  expect([plan.objective, plan.bound, plan.gap]).toEqual([0, 0, 0]);
});

describe('a budget larger than what there is to move', () => {
  const all = Algorithm.options.map((algorithm) => ({ algorithm }));
  const policyOf = (algorithm: Algorithm) =>
    ({ algorithm, minGainMs: 10, msPerGB: 5, maxMoves: 3, budgetGB: 500 }) as const;

  it.each(all)('makes $algorithm claim no gain of a cloud without desktops', async ({ algorithm }) => {
    const plan = await planWithHighs({
      sites: good.sites,
      desktops: [],
      policy: policyOf(algorithm),
      nowMs: 0,
    });
    expect([plan.objective, plan.bound, plan.gap]).toEqual([0, 0, 0]);
  });

  it.each(all)(
    'makes $algorithm claim no gain where everybody is at the best site',
    async ({ algorithm }) => {
      const desktops = [desktop('x', 'a', { a: 10, b: 90 }), desktop('y', 'b', { a: 30, b: 20 })];
      const plan = await planWithHighs({
        sites: good.sites,
        desktops,
        policy: policyOf(algorithm),
        nowMs: 0,
      });
      expect([plan.objective, plan.bound, plan.gap]).toEqual([0, 0, 0]);
    },
  );
});

it('a misspelt field refuses a file, since it would be without effect', async () => {
  const request = {
    ...good,
    $schema: 'plan-input.schema.json',
    desktops: [desktop('x', 'a', { a: 100, b: 10 }, { lockedUntil: 5 })],
    reservations: [
      { desktop: 'y', site: 'b', memoryGB: 0, diskGB: 0, memoryGiB: 3 } as object as PlanReservation,
    ],
    policy: { msPerGiB: 3 } as object,
  };
  const unknown = [
    'unknown field policy.msPerGiB is not understood',
    'unknown field desktops[].lockedUntil is not understood',
    'unknown field reservations[].memoryGiB is not understood',
  ];
  await expect(planWithHighs(request, strict)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    details: { problems: unknown },
  });
  expect((await planWithHighs(request, { strict: false })).warnings).toEqual(unknown);
});

describe('planFromFile', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'plan-file-'))));
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (text: string) => {
    const path = join(folder, 'input.json');
    await writeFile(path, text);
    return path;
  };

  it('says what is wrong with a file that is not JSON, and what to write for NaN', async () => {
    await expect(planFromFile(await file('{"sites": [NaN]}'), {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/not valid JSON.*leave out/) as string,
    });
  });
  it('says that a file is missing', async () => {
    await expect(planFromFile(join(folder, 'none.json'), {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
  it('answers with the documented fields, and the cloud that they are of', async () => {
    const { plan, cloud } = await planFromFile(await file(JSON.stringify(good)), {});
    expect(cloud.desktops.map((d) => [d.id, d.site])).toEqual(good.desktops.map((d) => [d.id, d.site]));
    expect(plan).toMatchObject({
      algorithm: 'exact',
      objective: 0.9 * 90 + 0.9 * 10,
      gap: 0,
      bytesMoved: 28e9,
      moves: [
        { desktop: 'x', from: 'a', to: 'b', wave: 1, rttBeforeMs: 100, rttAfterMs: 10, cost: 14 },
        { desktop: 'y', from: 'b', to: 'a' },
      ],
      slotPrices: { a: 0, b: 0 },
    });
  });
  it('puts the options of the command line before the policy of the file', async () => {
    const path = await file(JSON.stringify({ ...good, policy: { algorithm: 'cost-aware', maxMoves: 2 } }));
    const { plan } = await planFromFile(path, { algorithm: 'exact', maxMoves: 1 });
    expect([plan.algorithm, plan.moves.length]).toEqual(['exact', 1]);
  });
  it('renders a table that names every move and everybody who stays', async () => {
    const { plan } = await planFromFile(await file(JSON.stringify(good)), { maxMoves: 1 });
    const text = renderFilePlan(plan);
    expect(text).toMatch(/1 move in 1 wave/);
    expect(text).toMatch(/x +a +b +100 ms +10 ms/);
    expect(text).toMatch(/STAY[^]*y /);
  });
});
