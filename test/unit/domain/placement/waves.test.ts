import { jest } from '@jest/globals';
import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import { compileProblem } from '../../../../domain/placement/request/problem.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';
import { Room } from '../../../../domain/placement/schedule/free-room.js';
import { scheduleMoves } from '../../../../domain/placement/schedule/waves.js';
import { randomFrom, randomInput, violations } from './instances.js';

// Hundreds of clouds a test: seconds on an idle machine, more on a busy one.
jest.setTimeout(180_000);

const site = (id: string, slots: number) => ({ id, kind: 'regional' as const, slots });
const desktop = (id: string, at: string, rttMs: Record<string, number>, more = {}) => ({
  id,
  rank: 0.9,
  site: at,
  memoryGB: 1,
  diskGB: 1,
  rttMs,
  ...more,
});
const noLimit = { msPerGB: 0, gbLeft: Infinity, movesLeft: Infinity };

describe('the order of execution', () => {
  it('turns an exchange between two full sites with one parking move at a third, and says so', async () => {
    const input = PlanInput.parse({
      sites: [site('a', 1), site('b', 1), site('c', 1)],
      desktops: [
        desktop('x', 'a', { a: 100, b: 10, c: 150 }),
        desktop('y', 'b', { a: 10, b: 100, c: 150 }, { diskGB: 5 }),
      ],
    });
    const plan = await planWithHighs(input, { strict: true });
    expect(plan.moves.map((m) => [m.wave, m.desktop, m.from, m.to, m.parking === true])).toEqual([
      [1, 'x', 'a', 'c', true],
      [2, 'y', 'b', 'a', false],
      [3, 'x', 'c', 'b', false],
    ]);
    expect(plan.moves[0]!.reason).toMatch(/^parked: .* goes on to b/);
    expect(plan.objective).toBeCloseTo(0.9 * 180, 9);
    expect(plan.bytesMoved).toBe(10e9);
    expect(violations(input, plan)).toEqual([]);
  });

  it('drops an exchange whose parking move costs more than it gains', async () => {
    const plan = await planWithHighs(
      {
        sites: [site('a', 1), site('b', 1), site('c', 1)],
        desktops: [desktop('x', 'a', { a: 40, b: 30, c: 150 }), desktop('y', 'b', { a: 30, b: 40, c: 150 })],
        policy: { msPerGB: 4 },
      },
      { strict: true },
    );
    expect(plan.moves).toEqual([]);
    expect(plan.notMoved[0]!.reason).toMatch(/parking move, which costs more than it gains/);
  });

  it('knows the host of a desktop that was not parked after all, when it gets a second choice', async () => {
    const hosted = (id: string, slots: number) => ({
      ...site(id, slots),
      hosts: [{ id: `host-${id}`, memoryGB: 50 }],
    });
    const input = PlanInput.parse({
      sites: [hosted('a', 1), hosted('b', 1), hosted('c', 1)],
      desktops: [
        desktop('x', 'a', { a: 100, b: 66, c: 68 }, { rank: 1, memoryGB: 0, host: 'host-a' }),
        desktop('y', 'b', { a: 76, b: 100, c: 100 }, { rank: 1, memoryGB: 0, host: 'host-b' }),
      ],
      // The exchange gains 34 + 24 - 40, its parking move costs 20; a move to c alone gains 32 - 20.
      policy: { msPerGB: 20 },
    });
    const plan = await planWithHighs(input, { strict: true });
    expect(plan.moves.map((m) => [m.desktop, m.to, m.fromHost, m.toHost])).toEqual([
      ['x', 'c', 'host-a', 'host-c'],
      ['y', 'a', 'host-b', 'host-a'],
    ]);
    expect(violations(input, plan)).toEqual([]);
  });

  it('uses the one free slot of a circle for the circle before it lets it leave', () => {
    // b -> a ends the slot's walk; c <-> a is a circle that needs it first. All gains favour b.
    const input = PlanInput.parse({
      sites: [site('a', 2), site('b', 1), site('c', 1)],
      desktops: [
        desktop('leaves', 'b', { a: 1, b: 200, c: 200 }),
        desktop('out', 'a', { a: 100, b: 200, c: 90 }),
        desktop('in', 'c', { a: 90, b: 200, c: 100 }),
      ],
    });
    const p = compileProblem(input, 0);
    const { steps, dropped } = scheduleMoves(p, Room.now(p), Int32Array.of(0, 2, 0), noLimit);
    expect(dropped.size).toBe(0);
    expect(steps.map((s) => [s.wave, input.desktops[s.desktop]!.id, s.parking])).toEqual([
      [1, 'in', false],
      [2, 'out', false],
      [3, 'leaves', false],
    ]);
  });

  it('needs no parking while each circle of sites has a free slot: 200 random permutations of desktops', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const base = randomInput(seed, { desktops: 30, sites: 5, slack: 0 });
      const input = { ...base, sites: base.sites.map((s) => ({ ...s, slots: s.slots + 1 })) };
      const p = compileProblem(input, 0);
      // A shuffle of the desktops over the sites keeps every site as full as it is.
      const target = Int32Array.from(p.current).sort(() => random() - 0.5);
      for (let i = 0; i < target.length; i++) if (!(p.pinned[i] === undefined)) target[i] = p.current[i]!;
      const { steps, dropped } = scheduleMoves(p, Room.now(p), target, noLimit);
      expect([seed, dropped.size, steps.filter((s) => s.parking).length]).toEqual([seed, 0, 0]);
    }
  });

  it('turns any shuffle between full sites with one or two parking moves when one more site has a slot', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = randomFrom(seed);
      const base = randomInput(seed, { desktops: 24, sites: 5, slack: 0 });
      const now = compileProblem(base, 0).current;
      const target = Int32Array.from(now).sort(() => random() - 0.5);
      // Everybody gains by the shuffle.
      const wanting = base.desktops.map((d, i) => ({
        ...d,
        rank: 0.9,
        rttMs: {
          ...Object.fromEntries(base.sites.map((s, j) => [s.id, j === target[i] ? 10 : 100])),
          spare: 500,
        },
      }));
      const input = PlanInput.parse({ ...base, sites: [...base.sites, site('spare', 1)], desktops: wanting });
      const p = compileProblem(input, 0);
      const { steps, dropped } = scheduleMoves(p, Room.now(p), target, noLimit);
      expect([seed, dropped.size]).toEqual([seed, 0]);
      expect(steps.filter((s) => s.parking).length).toBeLessThanOrEqual(2);
    }
  });

  it('puts evictions before the moves that need their slots', async () => {
    const plan = await planWithHighs({
      sites: [{ id: 'hub', kind: 'global', slots: 5 }, site('near', 1)],
      desktops: [
        desktop('video', 'hub', { hub: 100, near: 10 }),
        desktop('text', 'near', { hub: 80, near: 12 }, { rank: 0.1 }),
      ],
      policy: { algorithm: 'cost-aware' },
    });
    expect(plan.moves.map((m) => [m.wave, m.desktop, m.to])).toEqual([
      [1, 'text', 'hub'],
      [2, 'video', 'near'],
    ]);
    expect(plan.moves[0]!.reason).toMatch(/^evicted .* makes room at near for video/);
  });

  it('says what a slot is worth to a desktop that does not get it', async () => {
    const plan = await planWithHighs({
      sites: [{ id: 'hub', kind: 'global', slots: 5 }, site('near', 1)],
      desktops: [desktop('one', 'hub', { hub: 100, near: 10 }), desktop('two', 'hub', { hub: 60, near: 10 })],
    });
    expect(plan.moves.map((m) => m.desktop)).toEqual(['one']);
    expect(plan.notMoved).toEqual([
      { desktop: 'two', reason: "a slot in near is worth 45, this desktop's gain is 45" },
    ]);
    expect(plan.slotPrices).toEqual({ hub: 0, near: 45 });
  });
});
