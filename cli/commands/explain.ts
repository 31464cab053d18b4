// The plain account of a desktop's rank: figures, reasons, and a small plot of what distance does to the session. Pure text.
import type { CaptureReport } from '../../domain/fingerprint/rank/capture-report.js';
import { constraintWords, type DesktopConstraints } from '../../domain/model/constraints.js';
import {
  REFERENCE_RTTS_MS,
  type PredictionCurve,
  type UserEndpoint,
} from '../../domain/fingerprint/model.js';

/** What is explained: a fingerprint, or a desktop of `vmshadow status`; the prediction in either form. */
export interface Explained {
  readonly desktop: string;
  readonly rank: number | null;
  readonly rankPaper: number | null;
  /** Round trip to the user from where the desktop is now. */
  readonly rttMs: number | null;
  /** Round trips from the sites to the user. */
  readonly rtts?: Readonly<Record<string, number>>;
  readonly user?: UserEndpoint | string | null;
  readonly reasons: readonly string[];
  readonly prediction?: PredictionCurve | null;
  readonly predicted?: readonly Point[];
  readonly constraints?: DesktopConstraints | undefined;
}

interface Point {
  readonly rttMs: number;
  readonly framesPerSecond: number | null;
  readonly responseMs: number | null;
}

/** Width of a bar, characters: the whole line stays below 80. */
const BAR = 40;

/** Explain one desktop in plain text. */
export function renderExplanation(e: Explained): string {
  const lines = [
    `${e.desktop}: rank ${figure(e.rank, 2)} of 1 (by the paper's metrics ${figure(e.rankPaper, 2)})`,
    `user ${userOf(e)}, round trip ${figure(e.rttMs, 1)} ms`,
    '',
    'Why:',
    ...(e.reasons.length === 0 ? ['  nothing has been seen of it yet'] : e.reasons.map((r) => `  - ${r}`)),
    ...sitesOf(e),
    ...constraintsOf(e),
    ...plotOf(e),
    '',
  ];
  return lines.join('\n');
}

function constraintsOf({ constraints = {} }: Explained): string[] {
  const words = constraintWords(constraints);
  return words.length === 0 ? [] : ['', 'Constraints:', ...words.map((line) => `  - ${line}`)];
}

/** Explain one desktop of a capture file. */
export function renderCaptureReport(r: CaptureReport): string {
  const counted = Object.entries(r.counted).filter(([, n]) => n > 0);
  const cycle =
    `${r.protocol ?? 'protocol unknown'}, ${r.mode} client, ${figure(r.framesPerSecond, 1)} frames/s, ` +
    `think ${figure(r.thinkMs, 1)} ms, turnaround ${figure(r.turnaroundMs, 1)} ms`;
  return [
    renderExplanation({ ...r, user: r.client }).trimEnd(),
    '',
    cycle,
    `counted: ${counted.map(([what, n]) => `${n} ${what}`).join(', ')}`,
    '',
  ].join('\n');
}

function sitesOf(e: Explained): string[] {
  const sites = Object.entries(e.rtts ?? {}).sort((a, b) => a[1] - b[1]);
  if (sites.length === 0) return [];
  const width = Math.max(...sites.map(([site]) => site.length));
  return [
    '',
    'At each site the user would have:',
    ...sites.map(([site, rttMs]) => {
      const p = nearest(pointsOf(e), rttMs);
      const what =
        p === undefined
          ? ''
          : `, about ${figure(p.framesPerSecond, 1)} frames/s, response ${figure(p.responseMs, 0)} ms`;
      return `  ${site.padEnd(width)}  ${figure(rttMs, 1).padStart(6)} ms${what}`;
    }),
  ];
}

function nearest(points: readonly Point[], rttMs: number) {
  return [...points].sort((a, b) => Math.abs(a.rttMs - rttMs) - Math.abs(b.rttMs - rttMs))[0];
}

function pointsOf(e: Explained): readonly Point[] {
  const curve = e.prediction;
  if (curve == null) return e.predicted ?? [];
  return REFERENCE_RTTS_MS.map((rttMs, i) => ({
    rttMs,
    framesPerSecond: curve.framesPerSecond[i] ?? null,
    responseMs: curve.responseMs[i] ?? null,
  }));
}

function userOf(e: Explained): string {
  if (e.user == null) return 'unknown';
  return typeof e.user === 'string' ? e.user : `${e.user.address} port ${e.user.port}`;
}

function plotOf(e: Explained): string[] {
  const known = pointsOf(e).filter((p) => p.framesPerSecond !== null);
  const most = Math.max(0, ...known.map((p) => p.framesPerSecond ?? 0));
  if (most <= 0) return ['', 'No prediction: too few screen updates have been seen.'];
  const here = e.rttMs === null ? undefined : nearest(known, e.rttMs);
  return [
    '',
    'Predicted refresh rate by distance (<: here)',
    '  RTT ms  frames/s  response ms',
    ...known.map((p) => {
      const fps = p.framesPerSecond ?? 0;
      const bar = '#'.repeat(Math.round((fps / most) * BAR));
      const columns = `${String(p.rttMs).padStart(8)}${fps.toFixed(1).padStart(10)}${figure(p.responseMs, 0).padStart(13)}`;
      return `${columns}  ${bar}${p === here ? ' <' : ''}`;
    }),
  ];
}

function figure(x: number | null, digits: number): string {
  return x === null || !Number.isFinite(x) ? '-' : x.toFixed(digits);
}
