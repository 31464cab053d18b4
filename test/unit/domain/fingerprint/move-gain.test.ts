import { feltRtts, predictedChange } from '../../../../domain/fingerprint/rank/move-gain.js';
import { REFERENCE_RTTS_MS, type Fingerprint } from '../../../../domain/fingerprint/model.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { feltAt } from '../../../../domain/placement/request/problem.js';

const policy = FingerprintPolicy.parse({});
type Judged = Pick<Fingerprint, 'rankedBy' | 'prediction' | 'gain'>;

function session(fps: (rttMs: number) => number, gain: { refresh: number; input: number }): Judged {
  const visibleFps = REFERENCE_RTTS_MS.map(fps);
  return {
    rankedBy: 'predicted-gain',
    prediction: {
      framesPerSecond: visibleFps,
      visibleFps,
      responseMs: REFERENCE_RTTS_MS.map((ms) => ms + 10),
    },
    gain: { refreshLossFps: 0, responseLossMs: 99, inputsPerSecond: 0, ...gain },
  };
}
/** 24 frames a second until a cycle of the round trip and 5 ms takes longer. */
const film = session((ms) => Math.min(24, 1000 / (ms + 5)), { refresh: 1, input: 0 });
const feltAtRtt = (judged: Judged, ms: number) => feltAt({ feltRttMs: feltRtts(judged, policy)! }, ms);

describe('feltRtts', () => {
  it('feels no difference where a film keeps its rate, and all of it up to the reference distance', () => {
    expect(feltAtRtt(film, 20) - feltAtRtt(film, 1)).toBe(0);
    expect(feltAtRtt(film, 1)).toBe(1);
    expect(feltAtRtt(film, 100)).toBe(100);
    expect(feltAtRtt(film, 60) - feltAtRtt(film, 20)).toBeGreaterThan(40);
  });

  it('feels distance as it is where only the response to the user suffers', () => {
    const typing = session(() => 5, { refresh: 0, input: 0.2 });
    REFERENCE_RTTS_MS.forEach((ms, k) => expect(feltRtts(typing, policy)![k]).toBeCloseTo(ms, 1));
  });

  it('never falls with distance, whatever the scatter of the prediction', () => {
    const noisy = session((ms) => (ms === 20 ? 15 : ms >= 100 ? 9 : 20), { refresh: 1, input: 0 });
    const felt = feltRtts(noisy, policy)!;
    expect([...felt].sort((a, b) => a - b)).toEqual(felt);
  });

  it("is silent where the rank is the paper's, where nothing was predicted, and where nothing is lost", () => {
    expect(feltRtts({ ...film, rankedBy: 'paper' }, policy)).toBeNull();
    expect(feltRtts({ ...film, prediction: null }, policy)).toBeNull();
    expect(
      feltRtts(
        session(() => 5, { refresh: 0, input: 0 }),
        policy,
      ),
    ).toBeNull();
  });
});

describe('predictedChange', () => {
  it('says frames and response before and after', () => {
    expect(predictedChange(film, 100, 20)).toBe('predicted: 9.5 -> 24.0 frames/s, response 110.0 -> 30.0 ms');
    expect(predictedChange({ prediction: null }, 100, 20)).toBeNull();
  });
});
