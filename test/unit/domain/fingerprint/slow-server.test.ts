import { splitCycles } from '../../../../domain/fingerprint/session/cycles.js';
import { readCurve } from '../../../../domain/fingerprint/session/prediction.js';
import { judgeThink } from '../../../../domain/fingerprint/session/slow-server.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { play, type SessionSpec } from './synthetic-session.js';

/** Lists of coprime lengths: what one does tells nothing of the other. */
const JITTER_MS = [1, 9, 3, 14, 6];
const WORK_MS = [55, 66, 58, 62, 60, 64, 57];
const slow = { changeEveryMs: 1000 / 24, workMs: WORK_MS, clientMs: JITTER_MS };
const film = { changeEveryMs: [40, 43, 41.7, 42, 39.5, 44], clientMs: JITTER_MS };

const judged = (spec: SessionSpec) => judgeThink(splitCycles(play(spec).flow.packets, 'message'));
const summary = (spec: SessionSpec) => summariseFlow(play(spec).flow, { takenAtMs: 0, assumedFps: 27 });

describe('judgeThink', () => {
  it.each([1, 20, 100])('tells that a slow server works when its user is %d ms away', (rttMs) => {
    expect(judged({ ...slow, rttMs, seconds: 9 })).toBe('work');
  });

  it.each([1, 10, 20])('tells that a film is waited for at %d ms', (rttMs) => {
    expect(judged({ ...film, rttMs })).toBe('wait');
  });

  it('does not take a host that stops now and then for one that works', () => {
    const stops = [1, 9, 3, 14, 6, 2, 8, 90, 4, 11, 5, 70, 7];
    expect(judged({ ...film, clientMs: stops, rttMs: 10 })).toBe('wait');
  });

  it.each([
    ['a few cycles', { ...slow, seconds: 1 }],
    ['somebody who types', { changeEveryMs: [110, 320, 150, 240, 180], clientMs: JITTER_MS }],
  ])('knows nothing of %s', (_, spec) => {
    expect(judged({ ...spec, rttMs: 20 })).toBe('unknown');
  });

  it('says that nothing can ever be known from requests that always come alike', () => {
    expect(judged({ ...slow, clientMs: 1, rttMs: 20 })).toBe('alike');
  });

  it('knows nothing of updates that an input set off: they wait for the user', () => {
    expect(judged({ ...slow, rttMs: 20, inputsPerSecond: 50 })).toBe('unknown');
  });
});

describe('summariseFlow, a slow server', () => {
  it.each([
    [1, 100],
    [20, 1],
    [20, 100],
    [100, 1],
    [100, 20],
  ])('predicts a session seen at %d ms, at %d ms within 15 %%', (from, to) => {
    const truth = play({ ...slow, rttMs: to, seconds: 12 });
    const { predicted } = summary({ ...slow, rttMs: from, seconds: 9 });
    const { framesPerSecond, responseMs } = readCurve(predicted!, to);
    expect(Math.abs(framesPerSecond / truth.framesPerSecond - 1)).toBeLessThan(0.15);
    expect(Math.abs(responseMs / truth.responseMs - 1)).toBeLessThan(0.15);
  });

  it('says that the content’s own rate is not seen', () => {
    const { contentKnown, distanceLimitedShare } = summary({ ...slow, rttMs: 20 });
    expect(contentKnown).toBe(false);
    expect(distanceLimitedShare).toBeGreaterThan(0.9);
    expect(summary({ ...film, rttMs: 10 })).toMatchObject({ contentKnown: true, distanceLimitedShare: 0 });
  });
});
