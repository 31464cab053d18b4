import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import type { PlanRequest, PlanReservation } from '../../../../domain/placement/request/model.js';
import { desktop, good, site, strict } from './small-inputs.js';

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
