// Plays a remote-desktop session packet by packet, as the desktop's tap sees it: the screen changes at a rhythm, the server works on an
// update, the user is a round trip away. Independent of the code under test: the truth that predictions are held against.
import { FlowTable, type CapturedFlow } from '../../../../domain/fingerprint/capture/flow-table.js';
import type { PacketHeader } from '../../../../domain/fingerprint/capture/packet.js';

export interface SessionSpec {
  readonly rttMs: number;
  readonly mode?: 'pull' | 'push';
  /** From one change of the screen to the next; a list is repeated. */
  readonly changeEveryMs: number | readonly number[];
  readonly seconds?: number;
  /** A list is repeated. */
  readonly workMs?: number | readonly number[];
  readonly packetsPerFrame?: number;
  /** A list is repeated: encoders write unevenly. */
  readonly packetGapMs?: number | readonly number[];
  /** The client's own time, or the jitter of its network; a list is repeated. */
  readonly clientMs?: number | readonly number[];
  /** Requests under way at the same time. */
  readonly outstanding?: number;
  readonly inputsPerSecond?: number;
  /** Small messages of the server, each answered a round trip later, before the first update: versions, log-in, formats. */
  readonly openingMessages?: number;
  readonly port?: number;
  readonly timestamps?: boolean;
  readonly user?: string;
}

export const DESKTOP = '10.77.0.2';

export interface Played {
  readonly packets: readonly PacketHeader[];
  readonly flow: CapturedFlow;
  readonly framesPerSecond: number;
  /** Median from request to complete update at the user's device. */
  readonly responseMs: number;
}

interface Step {
  readonly timeMs: number;
  readonly fromDesktop: boolean;
  readonly bytes: number;
  readonly push: boolean;
  /** Bytes of the other side that the sender has seen. */
  readonly seen: number;
}

/** Play one session. */
export function play(spec: SessionSpec): Played {
  const { rttMs, packetsPerFrame = 4, packetGapMs = 0.3, outstanding = 1 } = spec;
  const workAt = (n: number) => nth(spec.workMs ?? 3, n);
  const clientAt = (n: number) => nth(spec.clientMs ?? 1, n);
  const endMs = (spec.seconds ?? 6) * 1000;
  const steps: Step[] = [];
  const responses: number[] = [];
  let sent = 0;
  let frames = 0;
  const changes = changeTimes(spec.changeEveryMs, endMs);
  const send = (atMs: number): number => {
    let t = atMs;
    for (let i = 0; i < packetsPerFrame; i++) {
      if (i > 0) t += nth(packetGapMs, i);
      steps.push({ timeMs: t, fromDesktop: true, bytes: 1400, push: i === packetsPerFrame - 1, seen: 0 });
      sent += 1400;
    }
    frames += 1;
    return t;
  };
  const openMs = (spec.openingMessages ?? 0) * rttMs;
  for (let n = 0; n < (spec.openingMessages ?? 0); n++) {
    steps.push({ timeMs: n * rttMs, fromDesktop: true, bytes: 12, push: true, seen: 0 });
    sent += 12;
    steps.push({ timeMs: (n + 1) * rttMs - 0.2, fromDesktop: false, bytes: 12, push: true, seen: sent });
  }
  if (spec.mode === 'push') {
    for (const change of changes.filter((ms) => ms >= openMs)) {
      const before = sent;
      const workMs = workAt(frames);
      const clientMs = clientAt(frames);
      const last = send(change + workMs);
      // Fences before and after the update.
      steps.push({
        timeMs: change + workMs + rttMs,
        fromDesktop: false,
        bytes: 10,
        push: true,
        seen: before + 1400,
      });
      steps.push({ timeMs: last + rttMs + clientMs, fromDesktop: false, bytes: 10, push: true, seen: sent });
    }
  } else {
    const requests = Array.from({ length: outstanding }, (_, i) => ({ atMs: openMs + i * 0.1, seen: sent }));
    for (const r of requests)
      steps.push({ timeMs: r.atMs, fromDesktop: false, bytes: 10, push: true, seen: r.seen });
    let freeMs = 0;
    let next = 0;
    for (;;) {
      const request = requests.shift();
      const change = changes[next];
      if (request === undefined || change === undefined) break;
      const workMs = workAt(frames);
      const startMs = Math.max(request.atMs, change, freeMs) + workMs;
      if (startMs > endMs) break;
      const takenMs = startMs - workMs;
      while ((changes[next] ?? Infinity) <= takenMs) next += 1;
      freeMs = send(startMs);
      const answerMs = freeMs + rttMs + clientAt(frames);
      responses.push(answerMs - request.atMs);
      requests.push({ atMs: answerMs, seen: sent });
      steps.push({ timeMs: answerMs, fromDesktop: false, bytes: 10, push: true, seen: sent });
    }
  }
  for (let n = 1; n < ((spec.inputsPerSecond ?? 0) * endMs) / 1000; n++)
    steps.push({
      timeMs: (n * 1000) / (spec.inputsPerSecond ?? 1) + 0.05,
      fromDesktop: false,
      bytes: 8,
      push: true,
      seen: -1,
    });
  responses.sort((a, b) => a - b);
  const packets = toPackets(steps, spec);
  const table = new FlowTable(DESKTOP);
  for (const p of packets) table.add(p);
  const flow = [...table.flows.values()][0];
  if (flow === undefined) throw new Error('the session has no packet');
  return {
    packets,
    flow,
    framesPerSecond: (frames * 1000) / (endMs - openMs),
    responseMs: responses[Math.floor(responses.length / 2)] ?? NaN,
  };
}

function nth(values: number | readonly number[], n: number): number {
  return typeof values === 'number' ? values : (values[n % values.length] ?? 0);
}

function changeTimes(every: number | readonly number[], endMs: number): number[] {
  const list = typeof every === 'number' ? [every] : every;
  const times: number[] = [];
  for (let t = 7, i = 0; t < endMs; i++) {
    times.push(t);
    t += list[i % list.length] ?? 1000;
  }
  return times;
}

function toPackets(steps: readonly Step[], spec: SessionSpec): PacketHeader[] {
  const user = spec.user ?? '198.51.100.2';
  const port = spec.port ?? 5901;
  const ordered = [...steps].sort((a, b) => a.timeMs - b.timeMs);
  let fromDesktop = 0;
  let fromUser = 0;
  let acknowledged = 0;
  return ordered.map((s) => {
    // The sequence space wraps around in the middle of the session.
    const base = 0xffff_f000;
    if (!s.fromDesktop) acknowledged = Math.max(acknowledged, s.seen);
    const header: PacketHeader = {
      timeMs: 1_700_000_000_000 + s.timeMs,
      protocol: 'tcp',
      source: s.fromDesktop ? DESKTOP : user,
      destination: s.fromDesktop ? user : DESKTOP,
      sourcePort: s.fromDesktop ? port : 40_000,
      destinationPort: s.fromDesktop ? 40_000 : port,
      ipBytes: s.bytes + 40,
      payloadBytes: s.bytes,
      ipId: 0,
      checksum: 0,
      tcp: {
        sequence: (base + (s.fromDesktop ? fromDesktop : fromUser)) >>> 0,
        acknowledgement: (base + (s.fromDesktop ? fromUser : acknowledged)) >>> 0,
        syn: false,
        ack: true,
        fin: false,
        rst: false,
        push: s.push,
        timestamp:
          spec.timestamps === true
            ? s.fromDesktop
              ? { value: Math.floor(s.timeMs), echo: 0 }
              : { value: 0, echo: Math.floor(s.timeMs - spec.rttMs - nth(spec.clientMs ?? 1, 0)) }
            : undefined,
      },
    };
    if (s.fromDesktop) fromDesktop += s.bytes;
    else fromUser += s.bytes;
    return header;
  });
}
