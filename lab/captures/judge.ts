// Holds what was said of a capture against what is right.
import { messageOf } from '../../domain/errors.js';
import type { CaptureReport } from '../../domain/fingerprint/rank/capture-report.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { reportCapture } from '../../drivers/traffic/capture-file.js';
import { fileSource } from '../../drivers/traffic/capture-source.js';
import type { Kind, Right } from './kind.js';

export interface Judged {
  readonly reports: readonly CaptureReport[];
  readonly refused: string | undefined;
  /** What is wrong with it, for people; empty where all is right. */
  readonly wrong: readonly string[];
}

/** A flow that shows a screen or has a person was found. */
const isSession = (r: CaptureReport): boolean => r.client !== null;
const NO_SESSION_RANK = 0.6;

/** Judge what is made of the file at `path`. */
export async function judge(kind: Kind, path: string): Promise<Judged> {
  try {
    const options = kind.desktop === undefined ? {} : { desktop: kind.desktop };
    const reports = await reportCapture(await fileSource(path), FingerprintPolicy.parse({}), options);
    return { reports, refused: undefined, wrong: wrongIn(reports, kind.right) };
  } catch (error) {
    const said = messageOf(error);
    const expected = kind.right.refused?.test(said) === true;
    return { reports: [], refused: said, wrong: expected ? [] : [`refused: ${said}`] };
  }
}

function wrongIn(reports: readonly CaptureReport[], right: Right): string[] {
  if (right.refused !== undefined) return [`not refused: ${reports.map(line).join(', ')}`];
  const reasons = reports.flatMap((r) => r.reasons).join('\n');
  const wrong: string[] = [];
  const want = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what);
  };
  if (right.says !== undefined) want(right.says.test(reasons), `does not say ${right.says}`);
  if (right.unknown !== undefined) {
    want(right.unknown.test(reasons), `does not say ${right.unknown}: ${reasons.slice(0, 200)}`);
    for (const r of reports)
      want(
        r.rank === null && r.framesPerSecond === null && r.rttMs === null && r.predicted.length === 0,
        `gives a figure: ${line(r)}`,
      );
  }
  const sessions = reports.filter(isSession);
  if (right.desktops !== undefined) {
    const found = sessions.map((r) => r.desktop).sort();
    want(
      found.join() === [...right.desktops].sort().join(),
      `desktops ${found.join() || 'none'}, not ${right.desktops.join() || 'none'}`,
    );
    if (right.desktops.length === 0) {
      want(
        reports.every((r) => (r.rank ?? 0) <= NO_SESSION_RANK),
        `ranks ${reports.map(line).join()}`,
      );
      want(
        reports.length === 0 || /no flow looks like a remote desktop|no rank/.test(reasons),
        'does not say that there is no session',
      );
    }
  }
  for (const r of right.unknown === undefined ? sessions : []) {
    if (right.protocol !== undefined)
      want(r.protocol === right.protocol, `protocol ${r.protocol}, not ${right.protocol}`);
    if (right.framesPerSecond !== undefined)
      want(
        near(r.framesPerSecond, right.framesPerSecond, 0.1, 0.2),
        `frames/s ${r.framesPerSecond}, not ${right.framesPerSecond}`,
      );
    if (right.rttMs !== undefined)
      want(near(r.rttMs, right.rttMs, 0.1, 3), `round trip ${r.rttMs}, not ${right.rttMs}`);
    if (right.rank !== undefined)
      want(r.rank !== null && r.rank >= right.rank.least && r.rank <= right.rank.most, `rank ${r.rank}`);
  }
  return wrong;
}

const near = (a: number | null, b: number, share: number, least: number) =>
  a !== null && Math.abs(a - b) <= Math.max(least, share * b);

const line = (r: CaptureReport) =>
  `${r.desktop} ${r.protocol ?? '-'} rank ${r.rank ?? '-'} ${r.framesPerSecond ?? '-'}/s rtt ${r.rttMs ?? '-'}`;
