// How the two sides of a flow take turns: what tells a session, with a person or a screen at its ends, from machines that ask and answer.
// From times, directions and sizes alone.
import { median } from '../statistics.js';

/** One packet with a payload, or several of one side that followed each other closely. */
export interface Turn {
  readonly atMs: number;
  /** When the last of them was seen; silent: one packet. */
  readonly endMs?: number;
  readonly fromDesktop: boolean;
  readonly bytes: number;
}

export interface FlowRhythm {
  readonly spanMs: number;
  /** The peer's messages: how many, their median size, and how much sizes vary (standard deviation over mean). */
  readonly messages: number;
  readonly messageBytes: number;
  readonly messagesVary: number;
  /** Share of the peer's messages that follow another one without an answer in between. */
  readonly unansweredShare: number;
  /** What the desktop sends between two messages: how often anything, its median size, and how much sizes vary. */
  readonly answers: number;
  readonly answerBytes: number;
  readonly answersVary: number;
  /** Median silence of the desktop around a message: from its last data before to its first after, ms. */
  readonly silenceMs: number;
  /** Bursts of the desktop, cut by short silences: how many, median size, and the share whose distance is near the median one. */
  readonly bursts: number;
  readonly burstBytes: number;
  readonly steadyShare: number;
  readonly burstEveryMs: number;
}

/** A silence that ends a burst: packets of one picture leave a server together. */
export const BURST_GAP_MS = 4;
/** Bursts so near the median distance keep a beat. */
const STEADY_WITHIN = 0.35;
/** Messages in one packet train count once. */
const TOGETHER_MS = 1;

/** Describe the turns of a flow, in their order. */
export function rhythmOf(turns: readonly Turn[]): FlowRhythm {
  const messages: number[] = [];
  const answers: number[] = [];
  const silences: number[] = [];
  const bursts: { readonly startMs: number; endMs: number; bytes: number }[] = [];
  let unanswered = 0;
  let answer = 0;
  let lastMessageMs: number | undefined;
  let lastDataMs: number | undefined;
  let waitingSinceMs: number | undefined;
  for (const t of turns) {
    if (t.fromDesktop) {
      if (waitingSinceMs !== undefined) silences.push(t.atMs - waitingSinceMs);
      waitingSinceMs = undefined;
      answer += t.bytes;
      const endMs = t.endMs ?? t.atMs;
      lastDataMs = endMs;
      const burst = bursts.at(-1);
      if (burst === undefined || t.atMs - burst.endMs > BURST_GAP_MS)
        bursts.push({ startMs: t.atMs, endMs, bytes: t.bytes });
      else {
        burst.endMs = endMs;
        burst.bytes += t.bytes;
      }
      continue;
    }
    const apart = lastMessageMs === undefined || t.atMs - lastMessageMs > TOGETHER_MS;
    if (messages.length > 0 && answer === 0 && apart) unanswered++;
    if (answer > 0) answers.push(answer);
    answer = 0;
    messages.push(t.bytes);
    lastMessageMs = t.atMs;
    waitingSinceMs = lastDataMs;
  }
  if (answer > 0) answers.push(answer);
  const steps = bursts.slice(1).map((b, i) => b.startMs - (bursts[i]?.startMs ?? 0));
  const every = median(steps) ?? 0;
  const steady = steps.filter((ms) => Math.abs(ms - every) <= STEADY_WITHIN * every).length;
  return {
    spanMs: (turns.at(-1)?.atMs ?? 0) - (turns[0]?.atMs ?? 0),
    messages: messages.length,
    messageBytes: median(messages) ?? 0,
    messagesVary: variation(messages),
    unansweredShare: messages.length < 2 ? 0 : unanswered / (messages.length - 1),
    answers: answers.length,
    answerBytes: median(answers) ?? 0,
    answersVary: variation(answers),
    silenceMs: median(silences) ?? 0,
    bursts: bursts.length,
    burstBytes: median(bursts.map((b) => b.bytes)) ?? 0,
    steadyShare: steps.length === 0 ? 0 : steady / steps.length,
    burstEveryMs: every,
  };
}

function variation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((n, v) => n + v, 0) / values.length;
  const square = values.reduce((n, v) => n + (v - mean) ** 2, 0) / values.length;
  return mean === 0 ? 0 : Math.sqrt(square) / mean;
}

/** Fewer turns show no habit. */
const ENOUGH = 8;
/** Keys, pointers, requests for updates; with TLS around them. */
const SMALL_BYTES = 120;
/** People type and point in runs; machines that ask wait for each answer. */
const RUNS_SHARE = 0.15;
/** Pointers report 60 to 125 times a second, fast ones 250. */
const MOST_INPUTS = 300;
const LONG_MS = 5_000;
const LONG_RATE = 2;
/** No screen is asked for more often. */
const MOST_PICTURES = 144;
const PICTURE_BYTES = { least: 600, most: 4_000_000 };
/** Pictures of one packet differ in size; blocks of files and readings of sensors do not. */
const PICTURES_VARY = 0.1;
const ONE_PACKET_BYTES = 1_500;
/** Requests for pictures are all alike. */
const REQUESTS_VARY = 0.5;
/** Between a picture and the request for the next one a server is silent; one that sends a file is not. */
const LEAST_SILENCE_MS = 4;
const BEATS = { slowest: 8, fastest: 160, share: 0.6, bytes: 1_000 };

const perSecond = (n: number, r: FlowRhythm) => (r.spanMs <= 0 ? Infinity : (n * 1000) / r.spanMs);

/** Somebody types or points: small messages, several before there is an answer. */
export function hasPerson(r: FlowRhythm): boolean {
  return (
    r.messages >= ENOUGH &&
    r.answers >= 2 &&
    r.messageBytes <= SMALL_BYTES &&
    r.unansweredShare >= RUNS_SHARE &&
    perSecond(r.messages, r) <= MOST_INPUTS
  );
}

/** It goes on for a while: what asks a web server for a page's parts is over in a moment. */
export function lasts(r: FlowRhythm): boolean {
  return r.messages >= 5 * ENOUGH && r.spanMs >= LONG_MS && perSecond(r.messages, r) >= LONG_RATE;
}

/** A screen is asked for: the same small request again and again, answered by pictures of their own sizes, with silence around it. */
export function hasScreen(r: FlowRhythm): boolean {
  return (
    r.answers >= ENOUGH &&
    r.messageBytes <= SMALL_BYTES &&
    r.messagesVary <= REQUESTS_VARY &&
    r.answerBytes >= PICTURE_BYTES.least &&
    r.answerBytes <= PICTURE_BYTES.most &&
    (r.answersVary >= PICTURES_VARY || r.answerBytes > ONE_PACKET_BYTES) &&
    r.silenceMs >= LEAST_SILENCE_MS &&
    perSecond(r.answers, r) <= MOST_PICTURES
  );
}

/** A screen is streamed: bursts in a beat, while the other side sends little, and not once for each burst (that would be acknowledging). */
export function hasStream(r: FlowRhythm): boolean {
  const beats = r.burstEveryMs <= 0 ? 0 : 1000 / r.burstEveryMs;
  const asksForEach = r.unansweredShare < 0.05 && r.answers > 0.8 * r.bursts;
  return (
    r.bursts >= 5 * ENOUGH &&
    beats >= BEATS.slowest &&
    beats <= BEATS.fastest &&
    r.steadyShare >= BEATS.share &&
    r.burstBytes >= BEATS.bytes &&
    r.messageBytes <= SMALL_BYTES &&
    !asksForEach
  );
}
