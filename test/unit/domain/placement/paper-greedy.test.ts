import { jest } from '@jest/globals';
import { solveGreedy, type GreedyOrder } from '../../../../domain/placement/solvers/paper-greedy.js';
import { compileProblem } from '../../../../domain/placement/request/problem.js';
import { Room } from '../../../../domain/placement/schedule/free-room.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';
import { randomInput } from './instances.js';
import { transcribe } from './paper-transcription.js';

// Hundreds of clouds a test: seconds on an idle machine, more on a busy one.
jest.setTimeout(180_000);

const ORDERS: readonly GreedyOrder[] = ['rank-ordered', 'cost-oblivious', 'cost-aware'];

function fast(input: PlanInput, order: GreedyOrder): Map<string, string> {
  const p = compileProblem(input, 0);
  const { assignment } = solveGreedy(p, Room.now(p), order);
  return new Map(input.desktops.map((d, i) => [d.id, input.sites[assignment[i]!]!.id]));
}

describe.each(ORDERS)('%s greedy', (order) => {
  it('moves exactly what a literal reading of the paper moves, on 300 random clouds', () => {
    let evictions = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const input = randomInput(seed, {
        desktops: 3 + (seed % 40),
        sites: 2 + (seed % 7),
        slack: [0, 0.1, 0.3][seed % 3]!,
        ties: seed % 4 === 0,
        missing: seed % 5 === 0 ? 0.3 : 0,
        policy: { highThreshold: 0.5, lowThreshold: 0.4 },
      });
      expect({ seed, sites: fast(input, order) }).toEqual({ seed, sites: transcribe(input, order) });
      const sites = fast(input, order);
      evictions += input.desktops.filter(
        (d) => d.rttMs[d.site] !== undefined && d.rttMs[sites.get(d.id)!]! > d.rttMs[d.site]!,
      ).length;
    }
    // The comparison would say little if nobody was ever evicted.
    expect(evictions).toBeGreaterThan(20);
  });
});

const site = (id: string, kind: 'global' | 'regional', slots: number) => ({ id, kind, slots });
const desktop = (id: string, rank: number, at: string, rttMs: Record<string, number>, more = {}) => ({
  id,
  rank,
  site: at,
  memoryGB: 1,
  diskGB: 2,
  rttMs,
  ...more,
});

describe('the order of the heuristics', () => {
  // One slot at `near`. a: highest rank, small gain; b: largest gain, large disk; c: good gain, small disk.
  const rtt = (far: number) => ({ far, near: 10 });
  const input = PlanInput.parse({
    sites: [site('far', 'global', 10), site('near', 'regional', 1)],
    desktops: [
      desktop('a', 0.9, 'far', rtt(15)),
      desktop('b', 0.8, 'far', rtt(200), { diskGB: 100 }),
      desktop('c', 0.7, 'far', rtt(150)),
    ],
  });
  it.each([
    ['rank-ordered', 'a'],
    ['cost-oblivious', 'b'],
    ['cost-aware', 'c'],
  ] as const)('%s gives the only slot to %s', (order, winner) => {
    const sites = fast(input, order);
    expect([...sites].filter(([, s]) => s === 'near').map(([id]) => id)).toEqual([winner]);
  });

  it('prefers, of two desktops whose B / C is equal, the one ranked higher', () => {
    const tie = PlanInput.parse({
      ...input,
      desktops: [desktop('low', 0.7, 'far', rtt(90)), desktop('high', 0.8, 'far', rtt(90))],
    });
    expect(fast(tie, 'cost-aware').get('high')).toBe('near');
    expect(fast(tie, 'cost-aware').get('low')).toBe('far');
  });
});

describe('eviction', () => {
  const cloud = (evictee: Record<string, unknown>) =>
    PlanInput.parse({
      sites: [site('hub', 'global', 10), site('near', 'regional', 1)],
      desktops: [
        desktop('video', 0.9, 'hub', { hub: 100, near: 10 }),
        desktop('text', 0.1, 'near', { hub: 80, near: 12 }, evictee),
      ],
      nowMs: 1_000_000,
    });
  const run = (evictee: Record<string, unknown>) => {
    const input = cloud(evictee);
    const p = compileProblem(input, input.nowMs ?? 0);
    const { assignment } = solveGreedy(p, Room.now(p), 'cost-aware');
    return input.sites[assignment[0]!]!.id;
  };
  it('sends a low-ranked desktop to the global site to make room', () => expect(run({})).toBe('near'));
  it("waits until the rank has been low for T'", () => {
    expect(run({ lowSinceMs: 1_000_000 - 599_000 })).toBe('hub');
    expect(run({ lowSinceMs: 1_000_000 - 600_000 })).toBe('near');
  });
  it("waits for T' even where the global site would be nearer", () => {
    const rttMs = { hub: 5, near: 12 };
    expect(run({ rttMs, lowSinceMs: 1_000_000 - 599_000 })).toBe('hub');
    expect(run({ rttMs, lowSinceMs: 1_000_000 - 600_000 })).toBe('near');
  });
  it('obeys the flag of the operator before the rank', () => {
    expect(run({ reclaimable: false })).toBe('hub');
    expect(run({ rank: 0.5, reclaimable: true })).toBe('near');
    expect(run({ rank: 0.5 })).toBe('hub');
  });
  it('leaves a locked desktop alone', () => expect(run({ lockedUntilMs: 1_000_001 })).toBe('hub'));
  it('does not send anybody to a site that the user has no round-trip time for', () =>
    expect(run({ rttMs: { near: 12 } })).toBe('hub'));
});
