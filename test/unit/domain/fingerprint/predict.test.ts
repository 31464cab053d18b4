import type { CapturedFlow } from '../../../../domain/fingerprint/capture/flow-table.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { play, type SessionSpec } from './synthetic-session.js';

/** A server on a host with too little processor time, as measured: each update waits for its turn, and so does what the client sends. */
const STARVED_MS = [
  91, 27, 69, 66, 154, 86, 11, 98, 87, 75, 180, 80, 16, 91, 113, 22, 40, 19, 68, 61, 53, 72, 36,
];
const LATE_MS = [24, 36, 44, 3, 39, 17, 19, 62, 9, 41, 36, 16, 19, 8, 30, 15, 38];
const starved: SessionSpec = {
  changeEveryMs: 1000 / 24,
  workMs: STARVED_MS,
  clientMs: LATE_MS,
  rttMs: 100,
  seconds: 5,
};
const summary = (spec: SessionSpec) => summariseFlow(play(spec).flow, { takenAtMs: 0, assumedFps: 27 });

describe('predictSession', () => {
  it('predicts nothing where all hinges on whether late answers are work, and the sample cannot tell', () => {
    expect(summary(starved)).toMatchObject({ predicted: null, doubt: 'work-or-wait', contentKnown: false });
  });

  it('predicts the smaller loss where distance costs either way, and says that it is the least', () => {
    const near = { ...starved, rttMs: 20, workMs: STARVED_MS.map((ms) => ms / 2) };
    const told = summary(near);
    expect(told).toMatchObject({ doubt: null, lowerBound: true, contentKnown: false });
    const losses = told.predicted!.visibleFps;
    expect(losses[0]! - losses.at(-1)!).toBeGreaterThan(1);
    // The content is a film: what it surely loses is less than what it does.
    const quick = summary({ ...near, workMs: 1, clientMs: 1 });
    expect(quick.predicted!.visibleFps[0]! - quick.predicted!.visibleFps.at(-1)!).toBeGreaterThan(
      losses[0]! - losses.at(-1)!,
    );
  });

  it('concludes nothing from a late answer while the session has only begun', () => {
    const opened: CapturedFlow = { ...play(starved).flow, initiator: 'peer' };
    expect(summariseFlow(opened, { takenAtMs: 0, assumedFps: 27, goesOn: true })).toMatchObject({
      predicted: null,
      doubt: 'beginning',
    });
  });

  it.each<[string, SessionSpec]>([
    ['updates are small', { ...starved, packetsPerFrame: 1 }],
    ['inputs set them off', { ...starved, inputsPerSecond: 20 }],
    [
      'the server falls silent between them, as over pages',
      { ...starved, changeEveryMs: [40, 40, 900], seconds: 12 },
    ],
    [
      'it is so slow that it makes little difference',
      { ...starved, rttMs: 5, workMs: 9, changeEveryMs: [290, 330, 310] },
    ],
    ['requests that come alike will never tell', { ...starved, workMs: 60, clientMs: 1 }],
  ])('predicts all the same where %s', (_, spec) => {
    expect(summary(spec)).toMatchObject({ doubt: null });
  });

  it('tells a session that has only begun from a quiet one', () => {
    const quiet = { changeEveryMs: 1000, rttMs: 100, seconds: 5 };
    const { flow } = play(quiet);
    const opened: typeof flow = { ...flow, initiator: 'peer' };
    const doubt = (goesOn: boolean, of = opened) =>
      summariseFlow(of, { takenAtMs: 0, assumedFps: 27, goesOn }).doubt;
    expect(doubt(true)).toBe('beginning');
    expect(doubt(true, flow)).toBe('few');
    // Nothing follows on a file.
    expect(doubt(false)).toBe('few');
  });
});
