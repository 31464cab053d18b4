import fc from 'fast-check';
import { cidrBounds, ipv4ToNumber } from '../../../../domain/model/address.js';
import { hasCode } from '../../../../domain/errors.js';
import { bothWays, planWorld } from '../../../../lab/net/plan.js';

const spec = {
  prefix: 'labunit',
  sites: [{ id: 'us-west' }, { id: 'us-east', hosts: ['h1', 'h2'] }],
  users: [{ id: 'alice' }, { id: 'bob' }],
  links: bothWays('us-west', 'alice', 100, 60),
};

describe('the plan of a lab world', () => {
  it('names namespaces by the prefix, so that leftovers can be told from others', () => {
    const { plan } = planWorld(spec);
    const names = [plan.coreNamespace, plan.controlNamespace, ...plan.hosts.map((h) => h.namespace)];
    for (const name of [...names, ...plan.users.flatMap((u) => [u.namespace, u.clientNamespace])])
      expect(name).toMatch(/^labunit-/);
  });

  it('gives no address, device or pool twice, for any number of sites, hosts and users', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 0, max: 60 }),
        (hostCounts, userCount) => {
          const { plan } = planWorld({
            prefix: 'labunit',
            sites: hostCounts.map((n, i) => ({
              id: `s${String(i)}`,
              hosts: Array.from({ length: n }, (_, h) => `h${String(h)}`),
            })),
            users: Array.from({ length: userCount }, (_, i) => ({ id: `u${String(i)}` })),
          });
          const legs = [...plan.hosts, ...plan.users];
          const addresses = [
            ...legs.flatMap((leg) => [leg.address, leg.coreAddress]),
            ...plan.hosts.map((h) => h.managementAddress),
            ...plan.users.flatMap((u) => [u.clientAddress, u.clientGateway]),
            plan.controlAddress,
          ];
          expect(new Set(addresses).size).toBe(addresses.length);
          expect(new Set(legs.map((leg) => leg.coreDevice)).size).toBe(legs.length);
          expect(Math.max(...legs.map((leg) => leg.coreDevice.length))).toBeLessThanOrEqual(15);
          const pools = plan.hosts.map((h) => cidrBounds(h.externalPool)).sort((a, b) => a.first - b.first);
          expect(pools.slice(1).filter((pool, i) => pool.first <= pools[i]!.last)).toEqual([]);
          const inPool = (n: number) => pools.some((pool) => n >= pool.first && n <= pool.last);
          expect(addresses.filter((address) => inPool(ipv4ToNumber(address)))).toEqual([]);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('splits a round trip in two equal ways', () => {
    expect(bothWays('a', 'b', 100, 60)).toEqual([
      { from: 'a', to: 'b', delayMs: 50, rateMbps: 60 },
      { from: 'b', to: 'a', delayMs: 50, rateMbps: 60 },
    ]);
  });

  it.each([
    [
      'a link to nobody',
      { ...spec, links: bothWays('us-west', 'carol', 10) },
      /carol is no site and no user/,
    ],
    ['a user named like a site', { ...spec, users: [{ id: 'us-west' }], links: [] }, /different ids/],
    ['a prefix that could hit other namespaces', { ...spec, prefix: '' }, /prefix/],
    ['an id that is no file name', { ...spec, sites: [{ id: '../etc' }], links: [] }, /1 to 32/],
  ])('refuses %s', (_, bad, message) => {
    expect(() => planWorld(bad)).toThrow(message);
    try {
      planWorld(bad);
    } catch (error) {
      expect(hasCode(error, 'INPUT_INVALID')).toBe(true);
    }
  });
});
