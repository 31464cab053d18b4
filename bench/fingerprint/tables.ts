// The benchmark's tables for people: Table 3 with the paper's figures beside ours, ranks, predictions, cost. Pure text.
import type { FlowCounters } from '../../domain/fingerprint/model.js';
import type { Cost } from './cost.js';
import type { Workload } from './desktop.js';
import type { PredictionError } from './judge.js';
import type { Measured } from './sessions.js';

/** MMSys'14 Table 3: share of traffic that is not VNC, its bandwidth, and all bandwidth, kB/s, from and to the desktop. */
const PAPER: Partial<Record<Workload, { out: readonly number[]; in: readonly number[] }>> = {
  stream: { out: [37.7, 1.85, 74.6], in: [53.7, 63.6, 65.8] },
  video: { out: [0, 0, 54.5], in: [0, 0, 1.54] },
  web: { out: [0.67, 0.0083, 17.94], in: [0.62, 0.0059, 0.454] },
  text: { out: [0, 0, 17.14], in: [0, 0, 0.86] },
};
/** The applications of Table 3. */
export const TABLE_3 = Object.keys(PAPER) as readonly Workload[];
export const TABLE_3_RTT_MS = 20;

/** Render everything. */
export function renderTables(
  sessions: readonly Measured[],
  machines: readonly Measured[],
  errors: readonly PredictionError[],
  cost: Cost,
): string {
  return [
    ...table3(sessions, machines),
    '',
    ...ranks(sessions),
    '',
    ...predictions(errors),
    '',
    ...costs(cost),
    '',
  ].join('\n');
}

function table3(sessions: readonly Measured[], machines: readonly Measured[]): string[] {
  const ours = (who: string, m: Measured | undefined) =>
    m === undefined
      ? []
      : [
          row('', who, shares(m, 'bytesOut'), shares(m, 'bytesIn')) +
            m.fingerprint.rank.toFixed(2).padStart(7) +
            m.paperFingerprint.rank.toFixed(2).padStart(7) +
            m.seen.framesPerSecond.toFixed(1).padStart(10),
        ];
  const at = (measured: readonly Measured[], workload: Workload) =>
    measured.find((m) => m.workload === workload && m.rttMs === TABLE_3_RTT_MS);
  const rows = TABLE_3.flatMap((workload) => [
    row(workload, 'paper', PAPER[workload]?.out ?? [], PAPER[workload]?.in ?? []),
    ...ours('machine', at(machines, workload)),
    ...ours('process', at(sessions, workload)),
  ]);
  return [
    'Table 3: traffic by application. Paper: VNC of 2013 on KVM. Here TigerVNC, ZRLE: in a virtual machine under software emulation',
    '(640x480), and the same programs as plain processes (800x600).',
    '                      to client and servers            from client and servers      rank',
    '                non-VNC %   kB/s  all kB/s     non-VNC %   kB/s  all kB/s   gain  paper  frames/s',
    ...rows,
  ];
}

function row(name: string, who: string, out: readonly number[], back: readonly number[]): string {
  const three = (xs: readonly number[]) =>
    `${figure(xs[0]).padStart(9)}${figure(xs[1]).padStart(8)}${figure(xs[2]).padStart(9)}`;
  return `${name.padEnd(7)}${who.padEnd(8)}${three(out)}     ${three(back)}`;
}

function shares(m: Measured, direction: 'bytesIn' | 'bytesOut'): number[] {
  const seconds = (m.window.endMs - m.window.startMs) / 1000;
  const shown = m.window.remoteDesktop;
  const isShown = (f: FlowCounters) =>
    f.desktopPort === shown?.desktopPort && f.peerAddress === shown.peerAddress;
  const all = m.window.flows.reduce((n, f) => n + f[direction], m.window.rest[direction]);
  const vnc = m.window.flows.filter(isShown).reduce((n, f) => n + f[direction], 0);
  return [all === 0 ? 0 : ((all - vnc) / all) * 100, (all - vnc) / 1000 / seconds, all / 1000 / seconds];
}

function ranks(sessions: readonly Measured[]): string[] {
  return [
    'Ranks, each of one window without memory',
    'workload   RTT ms  rank  paper  mode     seen frames/s  response ms  limited  passive RTT',
    ...sessions.map((m) => {
      const s = m.fingerprint.session;
      return [
        m.workload.padEnd(9),
        String(m.rttMs).padStart(7),
        m.fingerprint.rank.toFixed(2).padStart(7),
        m.paperFingerprint.rank.toFixed(2).padStart(6),
        `  ${(s?.mode ?? '-').padEnd(8)}`,
        m.seen.framesPerSecond.toFixed(1).padStart(13),
        (m.seen.responseMs?.toFixed(0) ?? '-').padStart(13),
        (s?.distanceLimitedShare.toFixed(2) ?? '-').padStart(9),
        (m.fingerprint.rttMs?.toFixed(1) ?? '-').padStart(12),
      ].join('');
    }),
  ];
}

function predictions(errors: readonly PredictionError[]): string[] {
  return [
    'Predicted at one distance, measured at another',
    'workload  from ms  to ms  what         predicted  measured  off',
    ...errors.map(
      (e) =>
        `${e.workload.padEnd(9)}${String(e.fromMs).padStart(8)}${String(e.toMs).padStart(7)}  ${e.what.padEnd(12)}` +
        `${e.predicted.toFixed(1).padStart(10)}${e.measured.toFixed(1).padStart(10)}${(e.error * 100).toFixed(1).padStart(6)} %`,
    ),
  ];
}

function costs(cost: Cost): string[] {
  const middle = (xs: readonly number[]) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)] ?? 0;
  return [
    `Sampling 50 desktops at rest: ${(cost.restShare * 100).toFixed(2)} % of a core`,
    `Throughput on a 1 Gbit/s uplink: ${middle(cost.plainMbps).toFixed(0)} Mbit/s plain, ${middle(cost.sampledMbps).toFixed(0)} sampled`,
    `Throughput without a cap: ${middle(cost.uncapped.plainMbps).toFixed(0)} Mbit/s plain, ${middle(cost.uncapped.sampledMbps).toFixed(0)} sampled`,
  ];
}

function figure(x: number | undefined): string {
  return x === undefined ? '-' : x < 10 ? x.toFixed(2) : x.toFixed(1);
}
