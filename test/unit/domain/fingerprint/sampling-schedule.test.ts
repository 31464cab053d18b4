import type { CycleSummary, FlowKey } from '../../../../domain/fingerprint/model.js';
import { dueLook, type SampledActivity } from '../../../../domain/fingerprint/session/sampling-schedule.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { play } from './synthetic-session.js';

const EVERY_MS = 20_000;
const TURN_MS = 3_000;
const film = play({ changeEveryMs: 1000 / 24, rttMs: 100 }).flow;
const page = play({ changeEveryMs: 1000, packetsPerFrame: 1, rttMs: 100 }).flow;
const sampled = (flow: typeof film): CycleSummary =>
  summariseFlow(flow, { takenAtMs: 95_000, assumedFps: 27 });
const other: FlowKey = { ...film.key, peerPort: film.key.peerPort + 1 };
/** What a film's flow sends in a turn. */
const FILM_BYTES = 130_000;

/** A film that goes on as it was sampled five seconds ago. */
const usual: SampledActivity = {
  nowMs: 100_000,
  sampledAtMs: 95_000,
  sample: sampled(film),
  bytesSince: 300_000,
  screen: { flow: film.key, bytesOut: FILM_BYTES },
  turnMs: TURN_MS,
  earlyAtMs: [],
};
const due = (change: Partial<SampledActivity>) => dueLook({ ...usual, ...change }, EVERY_MS);

describe('dueLook', () => {
  it('looks in turn at what carries traffic, and at nothing else', () => {
    expect(due({})).toBeNull();
    expect(due({ sampledAtMs: 80_000 })).toBe('in turn');
    expect(due({ sampledAtMs: 0, sample: undefined })).toBe('in turn');
    expect(due({ sampledAtMs: 0, sample: undefined, bytesSince: 100 })).toBeNull();
  });

  it.each<[string, Partial<SampledActivity>]>([
    ['a session begins that no sample has seen', { sample: undefined }],
    ['the user connects anew', { screen: { flow: other, bytesOut: FILM_BYTES } }],
    [
      'the sample saw only the beginning',
      { sample: { ...sampled(film), predicted: null, doubt: 'beginning' } },
    ],
    [
      'a film began towards the end of the look',
      { sample: { ...sampled(film), frames: 7, bytesPerFrame: 46_000, predicted: null, doubt: 'few' } },
    ],
    ['a film begins where a page was looked at', { sample: sampled(page) }],
  ])('looks out of turn when %s', (_, change) => {
    expect(due(change)).toBe('early');
  });

  it.each<[string, Partial<SampledActivity>]>([
    ['a connection that was refused', { sample: undefined, screen: { flow: other, bytesOut: 120 } }],
    ['a download beside no screen', { sample: undefined, screen: null }],
    [
      'a longer look that could not tell either',
      { sample: { ...sampled(film), predicted: null, doubt: 'work-or-wait' } },
    ],
    ['a line of text more', { sample: sampled(page), screen: { flow: page.key, bytesOut: 9_000 } }],
  ])('does not look out of turn at %s', (_, change) => {
    expect(due(change)).toBeNull();
  });

  it('looks out of turn three times a minute at most', () => {
    const flapping = { sample: undefined, earlyAtMs: [40_500, 60_000, 90_000] };
    expect(due(flapping)).toBeNull();
    expect(due({ ...flapping, nowMs: 101_000 })).toBe('early');
    expect(due({ ...flapping, sampledAtMs: 80_000 })).toBe('in turn');
  });
});
