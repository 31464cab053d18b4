// The loop's answer to `status`, and the page that the UI shows for it.
import { loweredBaseline } from '../../domain/model/cpu.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import { CERTIFICATE_WARNING_DAYS } from '../../domain/model/keys.js';
import { REFERENCE_RTTS_MS } from '../../domain/fingerprint/model.js';
import type { Fingerprint } from '../../domain/fingerprint/model.js';
import type { DesktopsAsk, DesktopStatus, HostStatus, LoopStatus } from '../../temporal/contract/status.js';
import { newsOfBeginning } from './carry-over.js';
import { drainOf, drainStatuses } from './drain.js';
import { leftAlone } from './gains.js';
import { heldStatus } from './holds.js';
import { plannableRtts } from './round-trips.js';
import { windowStatuses } from './windows.js';
import type { Located, LoopState } from './loop-state.js';

const finite = (n: number | undefined) => (n === undefined ? null : n);

/** Assemble the status from what the loop knows, with the desktops that are asked for. */
export function loopStatus(state: LoopState, ask: DesktopsAsk): LoopStatus {
  const all = state.desktops();
  const { cloud, policy } = state;
  const hosts = state.hosts().map((host): HostStatus => {
    const report = state.reports.get(hostKey(host));
    const problem = state.problems.get(hostKey(host)) ?? null;
    return {
      host,
      alive: report !== undefined && problem === null,
      problem,
      capacity: report?.capacity ?? null,
      used: report?.used ?? null,
      lastSeenMs: report?.atMs ?? null,
      certificateDaysLeft: report?.certificateDaysLeft ?? null,
      draining: drainOf(state, host) !== undefined,
    };
  });
  return {
    pool: cloud.pool,
    cycle: state.cycle,
    beginning: !state.heard,
    lastCycleMs: state.lastCycleMs,
    nextCycleMs: state.lastCycleMs === null ? null : state.lastCycleMs + policy.cycleMs,
    acting: policy.act,
    hosts,
    sites: cloud.sites.map((site) => {
      const there = hosts.filter((h) => h.host.site === site.id);
      const sum = (pick: (h: HostStatus) => number | undefined) =>
        there.reduce((n, h) => n + (pick(h) ?? 0), 0);
      return {
        site: site.id,
        kind: site.kind,
        slots: sum((h) => h.capacity?.slots),
        usedSlots: sum((h) => h.used?.slots),
        draining: there.every((h) => h.draining === true),
      };
    }),
    draining: drainStatuses(state, all),
    ...(state.windows.size === 0 ? {} : { windows: windowStatuses(state, all) }),
    pausedSinceMs: state.pausedSinceMs,
    desktopCount: all.length,
    desktops: page(all, ask, (d) => d.report.definition.id).map((d) => desktopStatus(state, d)),
    moves: [...state.moves.values()].map(({ workflowId, desktop, to, cause, startedAtMs }) => ({
      workflowId,
      desktop,
      to,
      cause,
      startedAtMs,
    })),
    creating: [...state.creating.values()].map(({ workflowId, desktop, host, startedAtMs }) => ({
      workflowId,
      desktop,
      host,
      startedAtMs,
    })),
    recent: state.recent,
    ...heldStatus(state, Date.now()),
    gains: state.gains
      .filter((g) => ask.desktop === undefined || g.desktop === ask.desktop)
      .slice(0, GAINS_SHOWN),
    plan: ask.desktop === undefined && ask.from === 0 && ask.limit > 0 ? state.plan : null,
    problems: [
      ...beginning(state),
      ...desktopProblems(all),
      ...aloneProblems(state, all),
      ...[...state.problems].map(([host, problem]) => `${host}: ${problem}`),
      ...state.hosts().flatMap((host) => hostProblems(state, host)),
    ],
  };
}

/** What a host that answers says of itself. */
function hostProblems(state: LoopState, host: HostRef): string[] {
  const key = hostKey(host);
  const { notes = [], certificateDaysLeft: days } = state.reports.get(key) ?? {};
  const ending =
    days !== undefined && days < CERTIFICATE_WARNING_DAYS
      ? [
          `its certificate ends in ${String(days)} days: run \`vmshadow keys renew ${key}\` and copy what it writes to the host`,
        ]
      : [];
  return [...ending, ...loweredBy(state, host), ...notes].map((words) => `${key}: ${words}`);
}

/** So long after the start of its dom0 a host counts as one that has just joined. */
const JOINING_MS = 3_600_000;

function loweredBy(state: LoopState, host: HostRef): string[] {
  const { cpu, startedAtMs } = state.reports.get(hostKey(host)) ?? {};
  if (cpu === undefined || startedAtMs === undefined || Date.now() - startedAtMs > JOINING_MS) return [];
  const others = [...state.reports.values()].flatMap((r) =>
    r.cpu === undefined || sameHost(r.host, host) ? [] : [r.cpu],
  );
  const words = loweredBaseline(others, cpu);
  return words === null ? [] : [words];
}

/** Gains that one answer names. */
const GAINS_SHOWN = 20;

function aloneProblems(state: LoopState, all: readonly Located[]): string[] {
  if (state.unhelped.size === 0) return [];
  return all
    .flatMap(({ host, report }) => {
      const { id } = report.definition;
      const alone = leftAlone(state, id, host);
      return alone === null ? [] : [`${id}: ${alone}`];
    })
    .slice(0, PROBLEMS_SHOWN);
}

/** A pool that has lost its power has one line for each desktop: enough are named to see what it is. */
const PROBLEMS_SHOWN = 20;

function desktopProblems(all: readonly Located[]): string[] {
  const said = all.flatMap(({ host, report: { definition, problem } }) =>
    problem === null ? [] : [`${definition.id} at ${hostKey(host)}: ${problem}`],
  );
  const hidden = said.length - PROBLEMS_SHOWN;
  return hidden <= 0
    ? said
    : [...said.slice(0, PROBLEMS_SHOWN), `and ${String(hidden)} more desktops with a problem`];
}

function beginning(state: LoopState): string[] {
  const news = newsOfBeginning(state, Date.now());
  if (news === null) return [];
  const then =
    state.pausedSinceMs === null
      ? ''
      : '. Nothing is moved until `vmshadow unpause`: say again before what had been said';
  return [
    `the loop began afresh at ${new Date(news.atMs).toISOString()}: a policy set by hand, constraints, drains, windows and hysteresis clocks are lost (${news.why})${then}`,
  ];
}

function page<T>(all: readonly T[], ask: DesktopsAsk, idOf: (item: T) => string): T[] {
  if (ask.desktop !== undefined) return all.filter((item) => idOf(item) === ask.desktop);
  return all.slice(ask.from, ask.from + ask.limit);
}

/** The last cycle's fingerprints of the desktops that are asked for. */
export function fingerprintsAsked(state: LoopState, ask: DesktopsAsk): Fingerprint[] {
  return page([...state.current.values()], ask, (f) => f.desktop);
}

function desktopStatus(state: LoopState, { host, report }: Located): DesktopStatus {
  const { definition: d, state: power, external } = report;
  const print = state.current.get(d.id);
  const user = state.users.get(d.id);
  const curve = print?.prediction ?? null;
  return {
    desktop: d.id,
    host,
    state: power,
    problem: report.problem,
    ...(report.relayed === undefined ? {} : { relayed: report.relayed }),
    ...(report.addresses === undefined ? {} : { addresses: report.addresses }),
    external,
    internal: d.network.address,
    remoteDesktopPort: d.remoteDesktopPort,
    vcpus: d.vcpus,
    memoryMiB: d.memoryMiB,
    diskMiB: d.diskMiB,
    rank: finite(print?.rank),
    rankPaper: finite(print?.rankPaper),
    rttMs: finite(user?.rtts[host.site]),
    rtts: user?.rtts ?? {},
    user: user?.seenAs ?? null,
    lockedUntilMs: finite(state.lockedUntilMs.get(d.id)),
    reasons: [
      ...(print?.reasons ?? []),
      ...plannableRtts(state, d.id, host.site, Date.now()).doubts.map((doubt) => `RTT: ${doubt}`),
    ],
    predicted:
      curve === null
        ? []
        : REFERENCE_RTTS_MS.map((rttMs, i) => ({
            rttMs,
            framesPerSecond: finite(curve.framesPerSecond[i]),
            responseMs: finite(curve.responseMs[i]),
          })),
    move: state.moves.get(d.id)?.workflowId ?? null,
    ...(state.constraints.has(d.id) ? { constraints: state.constraints.get(d.id) } : {}),
  };
}

/** What operators have told the loop. */
function renderOrders({ draining = [], pausedSinceMs = null }: LoopStatus): string[] {
  const paused =
    pausedSinceMs === null
      ? []
      : [`- **paused** since ${new Date(pausedSinceMs).toISOString()}: it starts no moves of its own`];
  return [
    ...paused,
    ...draining.flatMap(({ place, left, counts, residents }) => [
      `- **draining** ${place}: ${String(left)} left (${String(counts.moving)} moving, ${String(counts.waiting)} waiting, ${String(counts.held)} held)`,
      ...residents
        .filter((r) => r.is === 'held')
        .slice(0, 10)
        .map((r) => `  - ${r.desktop}: ${r.why}`),
    ]),
  ];
}

/** Desktops and problems in the UI's page: it is no place for 20,000 rows. */
export const ROWS_SHOWN = 50;

/** Render the loop for the UI's "current details", in Markdown. */
export function renderLoop(s: LoopStatus): string {
  const rows = s.desktops.slice(0, ROWS_SHOWN).map((d) => {
    const rank = d.rank === null ? '-' : d.rank.toFixed(2);
    const rtt = d.rttMs === null ? '-' : `${d.rttMs.toFixed(0)} ms`;
    return `| ${d.desktop} | ${hostKey(d.host)} | ${d.state} | ${rank} | ${rtt} | ${d.move ?? ''} |`;
  });
  const held = s.held.map(
    (h) => `- held back: ${h.what}, until ${new Date(h.untilMs).toISOString()} (${h.code})`,
  );
  const plan = s.plan?.moves.map((m) => `- ${m.desktop}: ${m.from} to ${m.to}: ${m.reason}`) ?? [];
  return [
    `**Pool ${s.pool}**, cycle ${String(s.cycle)}, ${s.acting ? 'acting on its plans' : 'planning only'}`,
    ...renderOrders(s),
    ...s.problems.slice(0, ROWS_SHOWN).map((p) => `- **problem** ${p}`),
    ...(s.problems.length > ROWS_SHOWN
      ? [`- and ${String(s.problems.length - ROWS_SHOWN)} more problems`]
      : []),
    '',
    '| desktop | host | state | rank | RTT | move |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(s.desktopCount > rows.length ? [`\n(and ${String(s.desktopCount - rows.length)} more)`] : []),
    ...(held.length > 0 ? ['', ...held.slice(0, 20)] : []),
    ...(plan.length > 0 ? ['', 'Last plan:', ...plan.slice(0, 20)] : []),
  ].join('\n');
}
