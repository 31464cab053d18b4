// The loop's answer to `status`, and the page that the UI shows for it.
import { hostKey } from '../../domain/model/ids.js';
import { REFERENCE_RTTS_MS } from '../../domain/fingerprint/model.js';
import type { DesktopStatus, HostStatus, LoopStatus } from '../../temporal/messages.js';
import { plannableRtts } from './plan-request.js';
import type { LoopState } from './loop-state.js';

const finite = (n: number | undefined) => (n === undefined ? null : n);

/** Assemble the status from what the loop knows. */
export function loopStatus(state: LoopState): LoopStatus {
  const { carried, cloud, policy } = state;
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
    };
  });
  return {
    pool: cloud.pool,
    cycle: carried.cycle,
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
      };
    }),
    desktops: desktops(state),
    moves: Object.values(carried.moves).map(({ workflowId, desktop, to, cause, startedAtMs }) => ({
      workflowId,
      desktop,
      to,
      cause,
      startedAtMs,
    })),
    recent: carried.recent,
    plan: state.plan,
    problems: [...state.problems].map(([host, problem]) => `${host}: ${problem}`),
  };
}

function desktops(state: LoopState): DesktopStatus[] {
  return [...state.reports.values()].flatMap((r) =>
    r.desktops.map(({ definition: d, state: power, external }): DesktopStatus => {
      const print = state.current.get(d.id);
      const user = state.carried.users[d.id];
      const curve = print?.prediction ?? null;
      return {
        desktop: d.id,
        host: r.host,
        state: power,
        external,
        internal: d.network.address,
        remoteDesktopPort: d.remoteDesktopPort,
        vcpus: d.vcpus,
        memoryMb: d.memoryMb,
        diskMb: d.diskMb,
        rank: finite(print?.rank),
        rankPaper: finite(print?.rankPaper),
        rttMs: finite(user?.rtts[r.host.site]),
        rtts: user?.rtts ?? {},
        user: user?.seenAs ?? null,
        lockedUntilMs: finite(state.carried.lockedUntilMs[d.id]),
        reasons: [
          ...(print?.reasons ?? []),
          ...plannableRtts(state, d.id, r.host.site, Date.now()).doubts.map((doubt) => `RTT: ${doubt}`),
        ],
        predicted:
          curve === null
            ? []
            : REFERENCE_RTTS_MS.map((rttMs, i) => ({
                rttMs,
                framesPerSecond: finite(curve.framesPerSecond[i]),
                responseMs: finite(curve.responseMs[i]),
              })),
        move: state.carried.moves[d.id]?.workflowId ?? null,
      };
    }),
  );
}

/** Render the loop for the UI's "current details", in Markdown. Bounded: the UI is no place for 20,000 rows. */
export function renderLoop(s: LoopStatus): string {
  const rows = s.desktops.slice(0, 50).map((d) => {
    const rank = d.rank === null ? '-' : d.rank.toFixed(2);
    const rtt = d.rttMs === null ? '-' : `${d.rttMs.toFixed(0)} ms`;
    return `| ${d.desktop} | ${hostKey(d.host)} | ${d.state} | ${rank} | ${rtt} | ${d.move ?? ''} |`;
  });
  const plan = s.plan?.moves.map((m) => `- ${m.desktop}: ${m.from} to ${m.to}: ${m.reason}`) ?? [];
  return [
    `**Pool ${s.pool}**, cycle ${String(s.cycle)}, ${s.acting ? 'acting on its plans' : 'planning only'}`,
    ...s.problems.map((p) => `- **problem** ${p}`),
    '',
    '| desktop | host | state | rank | RTT | move |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(s.desktops.length > rows.length ? [`\n(and ${String(s.desktops.length - rows.length)} more)`] : []),
    ...(plan.length > 0 ? ['', 'Last plan:', ...plan.slice(0, 20)] : []),
  ].join('\n');
}
