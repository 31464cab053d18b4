// Plan requests and results that pass through Temporal (2 MiB a payload): 20,000 desktops with nine RTTs each do not fit as plain
// JSON. A packed request holds columns instead of objects and numbers in a fixed count of characters; runs in workflow code (no
// Buffer, no zlib). RTTs are kept to 0.1 ms, ranks to 1/262,143, times to a second (rounded up: a lock never ends early), felt RTTs to
// a fiftieth of their largest, dirty rates to 0.25 %.
import { constraintsOf } from './constraint-fields.js';
import type { PlanRequest, PlanResult } from './model.js';
import { idsOf, read, write, type Kind, type PackedPlanRequest } from './packed-shape.js';

/** Three characters hold 18 bits. */
const RANK_STEPS = 64 ** 3 - 1;
const RTT_STEPS_PER_MS = 10;
const MAX_RTT_STEPS = 64 ** 3 - 1;

/** The largest felt RTT of a line is below 2^(scale / 4) ms: at least 53 steps are used. */
const FELT_STEPS = 63;
const topOf = (scale: number) => 2 ** (scale / 4);

function writeFelt(felt: readonly number[] | undefined): string {
  if (felt === undefined) return '';
  const scale = Math.min(FELT_STEPS, Math.ceil(4 * Math.log2(Math.max(1, ...felt))));
  const step = topOf(scale) / FELT_STEPS;
  return write(scale, 1) + felt.map((ms) => write(Math.min(FELT_STEPS, Math.round(ms / step)), 1)).join('');
}

function readFelt(text: string): number[] | undefined {
  if (text === '') return undefined;
  const step = topOf(read(text, 0, 1)) / FELT_STEPS;
  return Array.from(text.slice(1), (_, k) => read(text, k + 1, 1) * step);
}

/** Rates from 0.01 Mbit/s on in 4,095 steps of 0.5 %, to more than any memory is written; 0 stays 0. */
const LEAST_MBPS = 0.01;
const RATE_STEP = Math.log(1.005);

function writeRate(mbps: number): string {
  if (mbps < LEAST_MBPS) return write(0, 2);
  return write(Math.min(64 ** 2 - 1, 1 + Math.round(Math.log(mbps / LEAST_MBPS) / RATE_STEP)), 2);
}

function readRate(text: string, at: number): number {
  const step = read(text, at, 2);
  return step === 0 ? 0 : LEAST_MBPS * Math.exp((step - 1) * RATE_STEP);
}

const seconds = (ms: number | undefined) => (ms === undefined ? '' : Math.ceil(ms / 1000).toString(36));
const milliseconds = (text: string) => (text === '' ? undefined : Number.parseInt(text, 36) * 1000);

/** Pack a request; `unpackPlanRequest` gives it back but for the rounding. */
export function packPlanRequest(request: PlanRequest): PackedPlanRequest {
  const { desktops, ...rest } = request;
  const kinds = new Map<string, number>();
  const sites = new Map<string, number>();
  const numberOf = (map: Map<string, number>, key: string) => {
    const known = map.get(key);
    if (known !== undefined) return known;
    map.set(key, map.size);
    return map.size - 1;
  };
  const rows = desktops.map((d) => {
    const kind = JSON.stringify([d.site, d.host, d.vcpu, d.memoryGB, d.diskGB, d.reclaimable]);
    const rtts = Object.entries(d.rttMs).map(
      ([site, ms]) =>
        write(numberOf(sites, site), 2) +
        write(Math.min(MAX_RTT_STEPS, Math.round(ms * RTT_STEPS_PER_MS)), 3),
    );
    const times =
      d.lockedUntilMs === undefined && d.lowSinceMs === undefined
        ? ''
        : `${seconds(d.lockedUntilMs)},${seconds(d.lowSinceMs)}`;
    return {
      kind: write(numberOf(kinds, kind), 3),
      rank: write(Math.round(d.rank * RANK_STEPS), 3),
      rtts: rtts.join(''),
      times,
      dirty: writeRate(d.memoryDirtyMbps ?? 0) + writeRate(d.diskDirtyMbps ?? 0),
      felt: writeFelt(d.feltRttMs),
    };
  });
  const constraints = Object.fromEntries(
    desktops.flatMap((d, i) => {
      const own = constraintsOf(d);
      return own === null ? [] : [[String(i), own]];
    }),
  );
  return {
    packed: 1,
    rest,
    kinds: [...kinds.keys()].map((k) => JSON.parse(k) as Kind),
    siteNames: [...sites.keys()],
    ids: desktops.map((d) => d.id).join('\n'),
    kind: rows.map((r) => r.kind).join(''),
    rank: rows.map((r) => r.rank).join(''),
    rtts: rows.map((r) => r.rtts).join('\n'),
    times: rows.map((r) => r.times).join('\n'),
    dirty: rows.map((r) => r.dirty).join(''),
    felt: rows.map((r) => r.felt).join('\n'),
    ...(Object.keys(constraints).length === 0 ? {} : { constraints }),
  };
}

/** Tell a packed request from a plain one. */
export function isPacked(value: unknown): value is PackedPlanRequest {
  return typeof value === 'object' && value !== null && 'packed' in value && value.packed === 1;
}

/** Undo `packPlanRequest`. */
export function unpackPlanRequest(packed: PackedPlanRequest): PlanRequest {
  const rtts = packed.rtts.split('\n');
  const times = packed.times.split('\n');
  const felt = (packed.felt ?? '').split('\n');
  const ids = idsOf(packed);
  const desktops = ids.map((id, i) => {
    const [site, host, vcpu, memoryGB, diskGB, reclaimable] = packed.kinds[
      read(packed.kind, 3 * i, 3)
    ] as Kind;
    const row = rtts[i] ?? '';
    const rttMs: Record<string, number> = {};
    for (let k = 0; k < row.length; k += 5)
      rttMs[packed.siteNames[read(row, k, 2)] ?? ''] = read(row, k + 2, 3) / RTT_STEPS_PER_MS;
    const [lock = '', low = ''] = (times[i] ?? '').split(',');
    const optional = {
      host: host ?? undefined,
      vcpu: vcpu ?? undefined,
      memoryDirtyMbps: readRate(packed.dirty ?? '', 4 * i),
      diskDirtyMbps: readRate(packed.dirty ?? '', 4 * i + 2),
      reclaimable: reclaimable ?? undefined,
      lockedUntilMs: milliseconds(lock),
      lowSinceMs: milliseconds(low),
      feltRttMs: readFelt(felt[i] ?? ''),
    };
    const own = packed.constraints?.[String(i)] ?? {};
    const rank = read(packed.rank, 3 * i, 3) / RANK_STEPS;
    return { id, site, rank, memoryGB, diskGB, rttMs, ...optional, ...own };
  });
  return { ...packed.rest, desktops };
}

/** Moves that one answer carries: far more than are admitted in a cycle. */
const MAX_MOVES_SHOWN = 1_000;
/** Reasons to stay that one answer carries. */
const MAX_STAYERS_SHOWN = 2_000;

/** Cut a result to what fits a payload and a screen: the first waves, and the reasons of a part of those who stay; what was cut is said. */
export function trimPlan(
  plan: PlanResult,
  maxMoves = MAX_MOVES_SHOWN,
  maxStayers = MAX_STAYERS_SHOWN,
): PlanResult {
  const moves = plan.moves.slice(0, maxMoves);
  const notMoved = plan.notMoved.slice(0, maxStayers);
  const cut = [
    ...(moves.length < plan.moves.length
      ? [`${plan.moves.length - moves.length} later moves of the plan are not shown`]
      : []),
    ...(notMoved.length < plan.notMoved.length
      ? [`${plan.notMoved.length - notMoved.length} more desktops stay, their reasons are not shown`]
      : []),
  ];
  return { ...plan, moves, notMoved, warnings: [...plan.warnings, ...cut] };
}
