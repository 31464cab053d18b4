import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import {
  packPlanRequest,
  trimPlan,
  unpackPlanRequest,
} from '../../../../domain/placement/request/packed-request.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';
import { randomInput } from './instances.js';

const rounded = (x: number, steps: number) => Math.round(x * steps) / steps;
const MIB = 2 ** 20;

describe('packPlanRequest', () => {
  it('gives back the request but for the documented rounding', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const input = randomInput(seed, {
        desktops: 20,
        sites: 70,
        slack: 0.2,
        locked: 0.3,
        hosts: seed % 2 === 0,
      });
      const back = PlanInput.parse(unpackPlanRequest(packPlanRequest(input)));
      const expected = {
        ...input,
        desktops: input.desktops.map((d) => ({
          ...d,
          rank: rounded(d.rank, 64 ** 3 - 1),
          rttMs: Object.fromEntries(Object.entries(d.rttMs).map(([s, ms]) => [s, rounded(ms, 10)])),
        })),
      };
      // Rates to a quarter of a per cent; 0 stays 0.
      back.desktops.forEach((d, i) => {
        for (const rate of ['memoryDirtyMbps', 'diskDirtyMbps'] as const) {
          const sent = input.desktops[i]![rate];
          expect(Math.abs(d[rate] - sent)).toBeLessThanOrEqual(0.003 * sent);
        }
      });
      const unpacked = {
        ...back,
        desktops: back.desktops.map((d, i) => ({
          ...d,
          memoryDirtyMbps: input.desktops[i]!.memoryDirtyMbps,
          diskDirtyMbps: input.desktops[i]!.diskDirtyMbps,
        })),
      };
      expect(unpacked).toEqual(expected);
    }
  });
  it('keeps rates from a hundredth of a megabit a second to more than any memory is written', () => {
    const base = randomInput(1, { desktops: 4, sites: 1, slack: 0 });
    const rates = [0, 0.01, 12.5, 400_000];
    const desktops = base.desktops.map((d, i) => ({ ...d, memoryDirtyMbps: rates[i]! }));
    const back = unpackPlanRequest(packPlanRequest({ ...base, desktops })).desktops;
    expect(back[0]!.memoryDirtyMbps).toBe(0);
    rates.forEach((mbps, i) => expect(back[i]!.memoryDirtyMbps! / (mbps || 1)).toBeCloseTo(mbps ? 1 : 0, 2));
  });
  it('keeps the constraints of desktops and sites as they are', () => {
    const input = randomInput(3, { desktops: 4, sites: 3, slack: 0.5 });
    const constraints = {
      pinned: true,
      allowedSites: ['s0'],
      antiAffinity: ['dc', { group: 'web', per: 'site' as const }],
      unfitHosts: [{ site: 's1', host: 'h0', reason: 'no avx2' }],
    };
    const sites = input.sites.map((s) => ({ ...s, draining: s.id === 's2' }));
    const desktops = input.desktops.map((d, i) => (i === 2 ? { ...d, ...constraints } : d));
    const back = unpackPlanRequest(packPlanRequest({ ...input, sites, desktops }));
    expect(back.desktops[2]).toMatchObject(constraints);
    expect(back.desktops[1]).not.toHaveProperty('pinned');
    expect(back.sites).toEqual(sites);
  });

  it('may be planned with as it is', async () => {
    const input = randomInput(4, { desktops: 30, sites: 5, slack: 0.2 });
    const [plain, packed] = [await planWithHighs(input), await planWithHighs(packPlanRequest(input))];
    expect(packed.objective).toBeCloseTo(plain.objective, 0);
    expect(packed.moves.length).toBe(plain.moves.length);
  });
  it('keeps felt round trips to a fiftieth of their largest, and rising', () => {
    const input = randomInput(9, { desktops: 40, sites: 3, slack: 1, felt: true });
    const back = PlanInput.parse(unpackPlanRequest(packPlanRequest(input)));
    expect(input.desktops.filter((d) => d.feltRttMs !== undefined)).toHaveLength(20);
    input.desktops.forEach((d, i) => {
      const felt = back.desktops[i]!.feltRttMs;
      expect(felt === undefined).toBe(d.feltRttMs === undefined);
      d.feltRttMs?.forEach((ms, k) =>
        expect(Math.abs(felt![k]! - ms)).toBeLessThan(Math.max(...d.feltRttMs!) / 50),
      );
    });
  });
  it('survives an empty cloud', () => {
    const empty = PlanInput.parse({ sites: [], desktops: [] });
    expect(PlanInput.parse(unpackPlanRequest(packPlanRequest(empty)))).toEqual(empty);
  });
  it('never ends a lock early', () => {
    const input = randomInput(1, { desktops: 1, sites: 1, slack: 0 });
    const request = { ...input, desktops: [{ ...input.desktops[0]!, lockedUntilMs: 1_700_000_000_001 }] };
    expect(unpackPlanRequest(packPlanRequest(request)).desktops[0]!.lockedUntilMs).toBe(1_700_000_001_000);
  });
  it('keeps 20,000 desktops with ten RTTs each under 2 MiB', () => {
    const sites = Array.from({ length: 100 }, (_, j) => ({
      id: `site-${j}`,
      kind: 'regional' as const,
      slots: 300,
    }));
    const desktops = Array.from({ length: 20_000 }, (_, i) => ({
      id: `desktop-${i}`,
      rank: ((i * 7919) % 1000) / 1000,
      site: `site-${i % 100}`,
      host: `host-${Math.floor(i / 100) % 8}`,
      vcpu: 2,
      memoryGB: 2 ** (i % 4),
      diskGB: 20,
      rttMs: Object.fromEntries(
        Array.from({ length: 10 }, (_, k) => [
          `site-${(i + 9 * k) % 100}`,
          3.3 + ((i * 31 + k * 17) % 2000) / 10,
        ]),
      ),
      memoryDirtyMbps: (i * 37) % 400,
      diskDirtyMbps: (i * 13) % 40,
      lowSinceMs: 1_790_000_000_000 + i,
      feltRttMs: [1, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300].map((ms) => ms + (i % 50)),
    }));
    const bytes = JSON.stringify(packPlanRequest({ sites, desktops })).length;
    expect(bytes).toBeLessThan(2 * MIB);
    expect(JSON.stringify({ sites, desktops }).length).toBeGreaterThan(2 * MIB);
  });
});

describe('trimPlan', () => {
  it('keeps the first moves, and says how much it cut', async () => {
    const plan = await planWithHighs(randomInput(2, { desktops: 40, sites: 5, slack: 0.5 }));
    const short = trimPlan(plan, 3, 1);
    expect(short.moves).toEqual(plan.moves.slice(0, 3));
    expect(short.notMoved).toHaveLength(1);
    expect(short.warnings).toEqual([
      `${plan.moves.length - 3} later moves of the plan are not shown`,
      `${plan.notMoved.length - 1} more desktops stay, their reasons are not shown`,
    ]);
    expect(trimPlan(plan)).toEqual(plan);
  });
});
