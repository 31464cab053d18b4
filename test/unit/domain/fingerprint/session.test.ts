// Cycles, round trip, mode and prediction, held against sessions whose truth is known because they were played at another distance.
import fc from 'fast-check';
import { splitCycles } from '../../../../domain/fingerprint/session/cycles.js';
import { CycleSummary, REFERENCE_RTTS_MS } from '../../../../domain/fingerprint/model.js';
import { readCurve } from '../../../../domain/fingerprint/session/prediction.js';
import { passiveRoundTrip } from '../../../../domain/fingerprint/session/round-trip.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { play, type SessionSpec } from './synthetic-session.js';

const summary = (spec: SessionSpec) => summariseFlow(play(spec).flow, { takenAtMs: 0, assumedFps: 27 });
const FILM_MS = 1000 / 24;
/** Keys at 100 to 350 ms, a list that repeats. */
const TYPING_MS = [110, 320, 150, 240, 180, 290, 130, 210, 340, 170];

describe('splitCycles', () => {
  it('finds think, burst and turnaround of a film at 100 ms', () => {
    const { frames } = splitCycles(play({ rttMs: 100, changeEveryMs: FILM_MS }).flow.packets);
    const f = frames[10]!;
    expect(f.thinkMs).toBeCloseTo(3, 3);
    expect(f.endMs - f.startMs).toBeCloseTo(0.9, 3);
    expect(f.answeredMs! - f.endMs).toBeCloseTo(101, 3);
    expect(f.bytes).toBe(5600);
  });

  it('counts retransmissions and leaves them out', () => {
    const { flow } = play({ rttMs: 20, changeEveryMs: FILM_MS });
    const doubled = flow.packets.flatMap((p) => (p.payloadBytes > 0 ? [p, p] : [p]));
    const once = splitCycles(flow.packets);
    const twice = splitCycles(doubled);
    expect(twice.frames).toHaveLength(once.frames.length);
    expect(twice.retransmissions).toBe(flow.packets.filter((p) => p.payloadBytes > 0).length);
  });

  it('keeps a burst whole that waits for the congestion window, and counts the wait', () => {
    const packets = play({ rttMs: 40, changeEveryMs: 500, packetsPerFrame: 2, packetGapMs: 41 }).flow.packets;
    // Half an update, its acknowledgement a round trip later, and at once the rest; no PSH before the end.
    const clocked = packets.flatMap((p) =>
      p.fromDesktop && p.tcp?.push === true
        ? [{ ...p, atMs: p.atMs - 1, fromDesktop: false, payloadBytes: 0 }, p]
        : [p],
    );
    const { frames } = splitCycles(clocked);
    expect(frames.length).toBeGreaterThan(5);
    expect(frames.map((f) => f.stalls)).toEqual(frames.map(() => 1));
  });
});

describe('summariseFlow', () => {
  it('gives the rate of the beginning where no more of a long session was kept', () => {
    const { flow } = play({ rttMs: 20, changeEveryMs: FILM_MS });
    const cut = { ...flow, activeMs: 40 * flow.activeMs, unkeptPackets: 39 * flow.packets.length };
    const [whole, kept] = [flow, cut].map((f) => summariseFlow(f, { takenAtMs: 0, assumedFps: 27 }));
    expect(kept!.framesPerSecond).toBeCloseTo(whole!.framesPerSecond, 0);
    expect(kept!.predicted).toEqual(whole!.predicted);
  });
});

describe('passiveRoundTrip', () => {
  it.each([1, 20, 100])(
    'measures %d ms by acknowledgements, across the wrap of sequence numbers',
    (rttMs) => {
      const rtt = passiveRoundTrip(play({ rttMs, changeEveryMs: FILM_MS, clientMs: 0.5 }).flow.packets);
      expect(rtt?.from).toBe('sequence');
      expect(rtt?.rttMs).toBeCloseTo(rttMs + 0.5, 1);
    },
  );

  it('prefers TCP timestamps', () => {
    const rtt = passiveRoundTrip(play({ rttMs: 20, changeEveryMs: 50, timestamps: true }).flow.packets);
    expect(rtt?.from).toBe('timestamps');
    expect(rtt!.rttMs).toBeGreaterThan(18);
    expect(rtt!.rttMs).toBeLessThan(22);
  });

  it('knows nothing of a flow that acknowledges nothing', () => {
    const { packets } = play({ rttMs: 20, changeEveryMs: 50 }).flow;
    expect(passiveRoundTrip(packets.filter((p) => p.fromDesktop))).toBeNull();
    expect(passiveRoundTrip([])).toBeNull();
  });
});

describe('summariseFlow', () => {
  it.each([5, 20, 40, 100, 200])('tells a pull client at %d ms', (rttMs) => {
    expect(summary({ rttMs, changeEveryMs: FILM_MS })).toMatchObject({ mode: 'pull', outstanding: 1 });
  });

  it.each([1, 20, 40, 100])('tells a push client at %d ms', (rttMs) => {
    expect(summary({ rttMs, changeEveryMs: FILM_MS, mode: 'push' })).toMatchObject({
      mode: 'push',
      distanceLimitedShare: 0,
    });
  });

  it('sees two requests under way', () => {
    const s = summary({ rttMs: 100, changeEveryMs: 17, outstanding: 2 });
    expect(s).toMatchObject({ mode: 'pull', outstanding: 2 });
  });

  it('finds every cycle of a film limited at 100 ms and none at 1 ms', () => {
    expect(summary({ rttMs: 100, changeEveryMs: FILM_MS }).distanceLimitedShare).toBeGreaterThan(0.9);
    expect(summary({ rttMs: 1, changeEveryMs: FILM_MS }).distanceLimitedShare).toBeLessThan(0.1);
  });

  it.each(['pull', 'push'] as const)('counts what the user of a %s client types, and no requests', (mode) => {
    const quiet = summary({ rttMs: 20, changeEveryMs: FILM_MS, mode });
    const typing = summary({ rttMs: 20, changeEveryMs: FILM_MS, mode, inputsPerSecond: 6 });
    expect(quiet.inputsPerSecond).toBeLessThan(0.5);
    expect(typing.inputsPerSecond).toBeGreaterThan(5);
    expect(typing.inputsPerSecond).toBeLessThan(6.5);
  });

  it.each([
    ['typing', { changeEveryMs: TYPING_MS }],
    ['a film', { changeEveryMs: FILM_MS }],
    ['a pushed film', { changeEveryMs: FILM_MS, mode: 'push' as const }],
  ])('leaves out the beginning of a session of %s, though its first packet was not seen', (_, spec) => {
    const far = { ...spec, rttMs: 100 };
    const opening = summary({ ...far, openingMessages: 9 });
    const truth = play({ ...far, openingMessages: 9 });
    expect(Math.abs(opening.framesPerSecond / truth.framesPerSecond - 1)).toBeLessThan(0.05);
    const response = readCurve(opening.predicted!, 100).responseMs;
    if (!Number.isNaN(truth.responseMs)) expect(Math.abs(response / truth.responseMs - 1)).toBeLessThan(0.1);
  });

  it('does not dilute the rate of a session that ends within the sample', () => {
    const { flow } = play({ rttMs: 20, changeEveryMs: FILM_MS, mode: 'push', seconds: 1 });
    const last = flow.packets.at(-1)!;
    const end = { ...last, payloadBytes: 0, tcp: { ...last.tcp!, fin: true } };
    const of = (packets: typeof flow.packets) =>
      summariseFlow({ ...flow, packets }, { takenAtMs: 0, sampleMs: 4_000, assumedFps: 27 }).framesPerSecond;
    expect(of([...flow.packets, end])).toBeCloseTo(24, 0);
    expect(of(flow.packets)).toBeLessThan(7);
  });

  it('takes each pushed update for a change, and invents none', () => {
    // Two pictures in a row and a pause: what follows at once looks like an update that had been waiting.
    const film = { changeEveryMs: [12, 12, 12, 12, 92], mode: 'push' as const, rttMs: 1, packetsPerFrame: 1 };
    const { predicted } = summary(film);
    const truth = play({ ...film, rttMs: 100 }).framesPerSecond;
    expect(Math.abs(readCurve(predicted!, 100).framesPerSecond / truth - 1)).toBeLessThan(0.05);
  });

  it('takes a distance from the answers when something near acknowledges for the client', () => {
    const s = summary({ rttMs: 0.1, clientMs: 100, changeEveryMs: FILM_MS });
    const { packets } = play({ rttMs: 0.1, clientMs: 100, changeEveryMs: FILM_MS }).flow;
    const acknowledged = packets.flatMap((p) => [
      p,
      ...(p.fromDesktop && p.tcp !== undefined
        ? [
            {
              atMs: p.atMs + 0.1,
              fromDesktop: false,
              payloadBytes: 0,
              tcp: { ...p.tcp, acknowledgement: (p.tcp.sequence + p.payloadBytes) >>> 0 },
            },
          ]
        : []),
    ]);
    const flow = { ...play({ rttMs: 0.1, changeEveryMs: 50 }).flow, packets: acknowledged };
    const near = summariseFlow(flow, { takenAtMs: 0, assumedFps: 27 });
    expect(s.rttMs).toBeCloseTo(100, 0);
    expect(near).toMatchObject({ rttFrom: 'turnaround' });
    expect(near.rttMs).toBeCloseTo(100, 0);
  });

  const cases: [string, Omit<SessionSpec, 'rttMs'>][] = [
    ['a film', { changeEveryMs: FILM_MS }],
    ['a film in one packet a frame', { changeEveryMs: FILM_MS, packetsPerFrame: 1 }],
    [
      'a game whose updates take long to encode',
      { changeEveryMs: 16.7, workMs: 12, packetsPerFrame: 40, packetGapMs: [0.05, 0.1, 1.2, 0.05] },
    ],
    ['typing', { changeEveryMs: TYPING_MS }],
    ['a slow animation', { changeEveryMs: 125 }],
    ['a pushed film', { changeEveryMs: FILM_MS, mode: 'push' }],
  ];
  const distances = [
    [1, 20],
    [1, 100],
    [20, 100],
    [100, 20],
    [100, 200],
    [20, 1],
  ] as const;
  it.each(cases.flatMap(([what, spec]) => distances.map(([from, to]) => [what, from, to, spec] as const)))(
    'predicts %s, seen at %d ms, at %d ms within 15 %%',
    (_, from, to, spec) => {
      const truth = play({ ...spec, rttMs: to, seconds: 12 });
      const { predicted, contentKnown } = summary({ ...spec, rttMs: from });
      const { framesPerSecond, responseMs } = readCurve(predicted!, to);
      // What distance hides cannot be seen: then the content is taken to be a film's.
      const knowable = contentKnown ? truth.framesPerSecond : Math.min(27, truth.framesPerSecond);
      expect(Math.abs(framesPerSecond / knowable - 1)).toBeLessThan(0.15);
      if (spec.mode !== 'push' && contentKnown)
        expect(Math.abs(responseMs / truth.responseMs - 1)).toBeLessThan(0.15);
    },
  );

  it('predicts a film that it only saw at 100 ms as an ordinary film, and says that it assumed so', () => {
    const s = summary({ rttMs: 100, changeEveryMs: FILM_MS });
    expect(s.contentKnown).toBe(false);
    expect(Math.abs(readCurve(s.predicted!, 1).framesPerSecond / 24 - 1)).toBeLessThan(0.15);
    expect(summary({ rttMs: 1, changeEveryMs: FILM_MS }).contentKnown).toBe(true);
  });

  it('spreads the updates of a paced sender over its round trip', () => {
    // 20 packets that BBR spreads over 40 % of a round trip.
    const at = (rttMs: number) =>
      play({ rttMs, changeEveryMs: FILM_MS, packetsPerFrame: 20, packetGapMs: (rttMs * 0.4) / 19 });
    const { predicted } = summariseFlow(at(100).flow, { takenAtMs: 0, assumedFps: 27 });
    const truth = at(40).framesPerSecond;
    expect(Math.abs(readCurve(predicted!, 40).framesPerSecond / truth - 1)).toBeLessThan(0.15);
  });

  it('never says that a session is faster at a longer distance', () => {
    for (const [, spec] of cases) {
      const { framesPerSecond } = summary({ ...spec, rttMs: 20 }).predicted!;
      framesPerSecond
        .slice(1)
        .forEach((fps, i) => expect(fps).toBeLessThanOrEqual(framesPerSecond[i]! * 1.02));
    }
  });

  it('gives a summary that its schema accepts for any sequence of packets', () => {
    const packet = fc.record({
      stepMs: fc.oneof(fc.double({ min: 0, max: 300, noNaN: true }), fc.constant(0)),
      fromDesktop: fc.boolean(),
      payloadBytes: fc.nat(3000),
      tcp: fc.option(
        fc.record({
          sequence: fc.nat(0xffff_ffff),
          acknowledgement: fc.nat(0xffff_ffff),
          syn: fc.boolean(),
          ack: fc.boolean(),
          fin: fc.boolean(),
          rst: fc.boolean(),
          push: fc.boolean(),
          timestamp: fc.option(fc.record({ value: fc.nat(50), echo: fc.nat(50) }), { nil: undefined }),
        }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 120 }), (list) => {
        let atMs = 0;
        const packets = list.map(({ stepMs, ...p }) => ({ ...p, atMs: (atMs += stepMs) }));
        const flow = { ...play({ rttMs: 1, changeEveryMs: 500, seconds: 1 }).flow, packets, activeMs: atMs };
        const s = summariseFlow(flow, { takenAtMs: 0, assumedFps: 27 });
        expect(CycleSummary.safeParse(s).error).toBeUndefined();
        expect(s.predicted?.framesPerSecond.length ?? REFERENCE_RTTS_MS.length).toBe(
          REFERENCE_RTTS_MS.length,
        );
      }),
      { numRuns: 500 },
    );
  });
});
