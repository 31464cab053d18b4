// A desktop cloud over days, in cycles: users work in shifts, travel, and change between idle, text, web and video; ranks are noisy
// and averaged as the loop does it. The planner under test is the real one, and so is what is made of realised gains; only the desktops and
// their moves are simulated.
import {
  isUnhelped,
  judge,
  measureGain,
  type MoveGain,
  type Unhelped,
} from '../../domain/migration/realised-gain.js';
import { DesktopId, HostId, SiteId, type HostRef } from '../../domain/model/ids.js';
import { planWithHighs } from '../../drivers/solver/plan-with-highs.js';
import type { PlanRequest } from '../../domain/placement/request/model.js';
import { randomFrom } from '../../lab/random.js';

export interface Days {
  readonly desktops: number;
  readonly sites: number;
  readonly days: number;
  readonly cycleMs: number;
  readonly seed: number;
}

export interface Outcome {
  readonly movesPerDesktopAndDay: number;
  /** Moves back to the site it came from within two hours while its user stayed where he was, as a share of all moves. */
  readonly returns: number;
  /** Sum over moves of rank x RTT saved as the plan said it, times the hours it stayed, against what the workload then really had. */
  readonly realisedShare: number;
  /** Mean over time of sensitivity x RTT, ms. */
  readonly meanWeightedRttMs: number;
  readonly gbPerDay: number;
  readonly moves: number;
  /** Desktops that the plan leaves alone at the end, since their moves had not helped. */
  readonly leftAlone: number;
}

const RETURN_WINDOW_MS = 2 * 3_600_000;
const HOUR_MS = 3_600_000;
/** Moves at a time in the whole cloud; a move takes one cycle. */
const MOVES_AT_A_TIME = 8;
/** Weight of the new rank in the moving average (the fingerprint policy's default). */
const ALPHA = 0.5;

/** Mean time in a workload, minutes, and its sensitivity. */
const WORKLOADS = [
  { name: 'idle', minutes: 60, rank: 0 },
  { name: 'text', minutes: 40, rank: 0.12 },
  { name: 'web', minutes: 25, rank: 0.3 },
  { name: 'video', minutes: 45, rank: 0.85 },
] as const;

interface User {
  /** Places he is at: home, office, travel. */
  readonly places: readonly number[];
  readonly shiftStartHour: number;
  place: number;
  workload: number;
}

interface Desktop {
  site: number;
  rank: number;
  lockedUntilMs: number;
  lowSinceMs: number | undefined;
  movingTo: number | undefined;
  lastMove:
    | { from: number; atMs: number; place: number; predictedMs: number; realised: number; expected: number }
    | undefined;
  readonly memoryGB: number;
  readonly diskGB: number;
}

export interface Strategy {
  readonly name: string;
  /** undefined: nobody is ever moved. */
  readonly policy: PlanRequest['policy'] | undefined;
  readonly hysteresisMs: number;
  /** Round trips are measured this much too long or too short, at most: 0.1 for 10 %, anew in each cycle; as they are where silent. */
  readonly rttNoise?: number;
  /** Moves are held against what they then gave, and who was not helped twice is left alone. */
  readonly feedsBack?: boolean;
}

const refOf = (site: number): HostRef => ({ site: SiteId.parse(`s${site}`), host: HostId.parse('h1') });

/** Run one strategy; the users' days depend on the seed alone, so all strategies see the same ones. */
export async function simulate(shape: Days, strategy: Strategy): Promise<Outcome> {
  const { desktops: n, sites: l, days, cycleMs } = shape;
  const world = randomFrom(shape.seed);
  const noise = randomFrom(shape.seed + 1);
  const rttNoise = randomFrom(shape.seed + 2);
  const { rttNoise: most = 0, feedsBack = false } = strategy;
  let unhelped: ReadonlyMap<string, Unhelped> = new Map();
  const waiting = new Map<number, MoveGain>();
  const places = 4 * l;
  const rtt = Array.from({ length: places }, (_, p) =>
    Array.from({ length: l }, (_, j) => (p % l === j ? 3 + world() * 12 : 25 + world() * 180)),
  );
  const slots = Array.from({ length: l }, (_, j) => Math.ceil((n / l) * (j === 0 ? 2 : 1.05)));
  const users = Array.from({ length: n }, (): User => {
    const home = Math.floor(world() * places);
    return {
      places: [home, (home + l) % places, Math.floor(world() * places)],
      shiftStartHour: world() * 24,
      place: home,
      workload: 0,
    };
  });
  const free = [...slots];
  const machines = users.map((): Desktop => {
    let site = Math.floor(world() * l);
    while (free[site]! <= 0) site = (site + 1) % l;
    free[site]!--;
    return {
      site,
      rank: 0,
      lockedUntilMs: 0,
      lowSinceMs: 0,
      movingTo: undefined,
      lastMove: undefined,
      memoryGB: 1 + Math.floor(world() * 4),
      diskGB: 2 + Math.floor(world() * 8),
    };
  });
  const tally = { moves: 0, returns: 0, realised: 0, expected: 0, weighted: 0, gb: 0 };
  const closeMove = (m: Desktop) => {
    if (m.lastMove === undefined) return;
    tally.realised += m.lastMove.realised;
    tally.expected += m.lastMove.expected;
  };
  const cycles = Math.round((days * 24 * HOUR_MS) / cycleMs);
  for (let c = 0; c < cycles; c++) {
    const nowMs = c * cycleMs;
    users.forEach((u, i) => {
      const hour = (nowMs / HOUR_MS + 24 - u.shiftStartHour) % 24;
      const draw = [world(), world(), world()];
      // At the office for the first half of a shift of ten hours; every tenth day-part somewhere else.
      u.place = hour < 5 ? u.places[1]! : u.places[0]!;
      if (Math.floor((nowMs / HOUR_MS + i * 7) / 24) % 10 === 9) u.place = u.places[2]!;
      const atWork = hour < 10;
      if (!atWork) u.workload = 0;
      else if (draw[0]! < cycleMs / 60_000 / WORKLOADS[u.workload]!.minutes)
        u.workload = Math.floor(draw[1]! * WORKLOADS.length);
      const seen = Math.min(1, Math.max(0, WORKLOADS[u.workload]!.rank + (noise() - 0.5) * 0.2));
      const m = machines[i]!;
      m.rank = ALPHA * seen + (1 - ALPHA) * m.rank;
      m.lowSinceMs = m.rank < 0.3 ? (m.lowSinceMs ?? nowMs) : undefined;
    });
    machines.forEach((m, i) => {
      if (m.movingTo !== undefined) {
        m.site = m.movingTo;
        m.movingTo = undefined;
      }
      const sensitivity = WORKLOADS[users[i]!.workload]!.rank;
      const here = rtt[users[i]!.place]!;
      tally.weighted += sensitivity * here[m.site]!;
      if (m.lastMove !== undefined && m.lastMove.place === users[i]!.place) {
        m.lastMove.realised += sensitivity * (here[m.lastMove.from]! - here[m.site]!);
        m.lastMove.expected += m.lastMove.predictedMs;
      }
    });
    if (strategy.policy === undefined) continue;
    const measured = users.map((u) => rtt[u.place]!.map((ms) => ms * (1 + (rttNoise() * 2 - 1) * most)));
    for (const [i, gain] of waiting) {
      if (users[i]!.workload === 0) continue;
      const { site } = machines[i]!;
      const seen = { host: refOf(site), rtt: { ms: measured[i]![site]!, atMs: nowMs } };
      const known = measureGain(gain, { ...seen, session: { responseMs: null, atMs: nowMs } }, nowMs);
      if (known.verdict === 'waiting') continue;
      waiting.delete(i);
      unhelped = judge(unhelped, known, `${users[i]!.place}`);
    }
    const isLeftAlone = (i: number) =>
      feedsBack && isUnhelped(unhelped.get(`d${i}`), `${users[i]!.place}`, refOf(machines[i]!.site));
    const plan = await planWithHighs({
      sites: slots.map((s, j) => ({ id: `s${j}`, kind: j === 0 ? 'global' : 'regional', slots: s })),
      desktops: machines.map((m, i) => ({
        id: `d${i}`,
        rank: m.rank,
        site: `s${m.site}`,
        memoryGB: m.memoryGB,
        diskGB: m.diskGB,
        rttMs: Object.fromEntries(measured[i]!.map((ms, j) => [`s${j}`, ms])),
        ...(isLeftAlone(i) ? { pinned: true } : {}),
        lockedUntilMs: m.lockedUntilMs,
        ...(m.lowSinceMs === undefined ? {} : { lowSinceMs: m.lowSinceMs }),
      })),
      policy: strategy.policy,
      nowMs,
    });
    for (const move of plan.moves.filter((x) => x.wave === 1).slice(0, MOVES_AT_A_TIME)) {
      const i = Number(move.desktop.slice(1));
      const m = machines[i]!;
      const to = Number(move.to.slice(1));
      const { place } = users[i]!;
      if (m.lastMove?.from === to && nowMs - m.lastMove.atMs < RETURN_WINDOW_MS && m.lastMove.place === place)
        tally.returns++;
      closeMove(m);
      m.lastMove = { from: m.site, atMs: nowMs, place, predictedMs: move.gainMs, realised: 0, expected: 0 };
      if (feedsBack)
        waiting.set(i, {
          desktop: DesktopId.parse(move.desktop),
          from: refOf(m.site),
          to: refOf(to),
          endedAtMs: nowMs,
          before: { rttMs: move.rttBeforeMs, responseMs: null },
          predicted: { rttMs: move.rttAfterMs, responseMs: null },
          realised: null,
          verdict: 'waiting',
        });
      m.movingTo = to;
      m.lockedUntilMs = nowMs + cycleMs + strategy.hysteresisMs;
      tally.moves++;
      tally.gb += move.cost;
    }
  }
  machines.forEach(closeMove);
  return {
    movesPerDesktopAndDay: tally.moves / n / days,
    returns: tally.moves === 0 ? 0 : tally.returns / tally.moves,
    realisedShare: tally.expected === 0 ? 1 : tally.realised / tally.expected,
    meanWeightedRttMs: tally.weighted / n / cycles,
    gbPerDay: tally.gb / days,
    moves: tally.moves,
    leftAlone: machines.filter((m, i) =>
      isUnhelped(unhelped.get(`d${i}`), `${users[i]!.place}`, refOf(m.site)),
    ).length,
  };
}
