import { jest } from '@jest/globals';
import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import { Algorithm } from '../../../../domain/placement/request/model.js';
import { desktop, good, site, strict } from './small-inputs.js';

// Each algorithm, the exact ones too: seconds on an idle machine, more on a busy one.
jest.setTimeout(180_000);

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
