// How the two sides of a flow take turns: what tells a session, with a person or a screen at its ends, from machines that ask and answer.
// From times, directions and sizes alone.
import { median, quantile } from '../statistics.js';

/** One packet with a payload, or several of one side that followed each other closely. */
export interface Turn {
  readonly atMs: number;
  /** When the last of them was seen; silent: one packet. */
  readonly endMs?: number;
  readonly fromDesktop: boolean;
  readonly bytes: number;
  /** Bytes of the last of them; silent: one packet. */
  readonly lastBytes?: number;
}

export interface FlowRhythm {
  readonly spanMs: number;
  /** The peer's messages: how many, their median size, and the share of them that are near it. */
  readonly messages: number;
  readonly messageBytes: number;
  readonly messagesAlike: number;
  /** Share of the time that the peer's messages keep a beat, one as far from the other as the next. */
  readonly messageBeat: number;
  /** Share of the peer's messages that follow another one without an answer in between. */
  readonly unansweredShare: number;
  /** What the desktop sends between two messages: how often anything, all of it, its median size, and the share that is as good as that size. */
  readonly answers: number;
  readonly answeredBytes: number;
  readonly answerBytes: number;
  readonly answersAlike: number;
  /** Median size of the desktop's packets, and the share that is as good as that size. */
  readonly packetBytes: number;
  readonly packetsAlike: number;
  /** Share of the answers whose last packet is not full: what is whole ends so, what is cut out of a long stream does not. */
  readonly endsShort: number;
  /** Median silence of the desktop around a message: from its last data before to its first after, ms. */
  readonly silenceMs: number;
  /** Usual silence between two pieces of an answer, ms; 0 where an answer is mostly one piece. */
  readonly withinMs: number;
  /** Share of the desktop's pauses in which the peer said something. */
  readonly askedShare: number;
  /** From the desktop's last data to the message that follows: the median, ms. */
  readonly waitMs: number;
  /** Bursts of the desktop, cut by short silences: how many, median size, the size that few exceed, share of that size, and the share whose distance is near the median one. */
  readonly bursts: number;
  readonly burstBytes: number;
  readonly burstMostBytes: number;
  readonly burstsAlike: number;
  readonly steadyShare: number;
  readonly burstEveryMs: number;
}

/** A silence that ends a burst: packets of one picture leave a server together. */
export const BURST_GAP_MS = 4;
/** Bursts so near the median distance keep a beat. */
const STEADY_WITHIN = 0.35;
/** Messages in one packet train count once. */
const TOGETHER_MS = 1;
/** Sizes so near each other are one kind of thing; so near, one thing. */
const ALIKE_WITHIN = 0.5;
/** Payloads of full TCP segments: with and without timestamps, IPv4 and IPv6, in a tunnel. */
const SEGMENTS = [1_460, 1_448, 1_440, 1_428, 1_408, 1_398, 1_368];
const SAME_WITHIN = 0.05;

/** Describe the turns of a flow, in their order; `largestBytes`: the largest packet of the desktop, where turns are several packets. */
export function rhythmOf(turns: readonly Turn[], largestBytes = 0): FlowRhythm {
  const messages: number[] = [];
  const answers: number[] = [];
  const silences: number[] = [];
  const waits: number[] = [];
  const pieces: number[] = [];
  const pauses = { asked: 0, silent: 0 };
  const messageTimes: number[] = [];
  const bursts: { readonly startMs: number; endMs: number; bytes: number }[] = [];
  let unanswered = 0;
  let answer = 0;
  let lastBytes = 0;
  const ends: number[] = [];
  let lastMessageMs: number | undefined;
  let lastDataMs: number | undefined;
  let waitingSinceMs: number | undefined;
  for (const t of turns) {
    if (t.fromDesktop) {
      if (waitingSinceMs !== undefined) silences.push(t.atMs - waitingSinceMs);
      else if (lastDataMs !== undefined) pieces.push(t.atMs - lastDataMs);
      if (lastDataMs !== undefined && t.atMs - lastDataMs > BURST_GAP_MS)
        pauses[waitingSinceMs === undefined ? 'silent' : 'asked']++;
      waitingSinceMs = undefined;
      answer += t.bytes;
      lastBytes = t.lastBytes ?? t.bytes;
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
    if (answer > 0) {
      answers.push(answer);
      ends.push(lastBytes);
    }
    answer = 0;
    messages.push(t.bytes);
    messageTimes.push(t.atMs);
    lastMessageMs = t.atMs;
    if (waitingSinceMs === undefined && lastDataMs !== undefined) waits.push(t.atMs - lastDataMs);
    waitingSinceMs = lastDataMs;
  }
  if (answer > 0) answers.push(answer);
  const packets = turns.filter((t) => t.fromDesktop).map((t) => t.lastBytes ?? t.bytes);
  const fullBytes = packets.reduce((most, bytes) => Math.max(most, bytes), largestBytes);
  const packetBytes = median(packets) ?? 0;
  const starts = bursts.map((b) => b.startMs);
  const spanMs = (turns.at(-1)?.atMs ?? 0) - (turns[0]?.atMs ?? 0);
  const messageBytes = median(messages) ?? 0;
  const answerBytes = median(answers) ?? 0;
  const burstBytes = median(bursts.map((b) => b.bytes)) ?? 0;
  const { everyMs, steadyShare } = beat(starts);
  const asked = beat(messageTimes);
  return {
    spanMs,
    messages: messages.length,
    messageBytes,
    messagesAlike: shareNear(messages, messageBytes, ALIKE_WITHIN),
    messageBeat:
      spanMs <= 0 ? 0 : asked.steadyShare * Math.min(1, (asked.everyMs * messages.length) / spanMs),
    unansweredShare: messages.length < 2 ? 0 : unanswered / (messages.length - 1),
    answers: answers.length,
    answeredBytes: answers.reduce((n, v) => n + v, 0),
    answerBytes,
    answersAlike: shareNear(answers, answerBytes, SAME_WITHIN),
    packetBytes,
    endsShort: ends.length === 0 ? 0 : ends.filter((bytes) => !isFull(bytes, fullBytes)).length / ends.length,
    packetsAlike: shareNear(packets, packetBytes, SAME_WITHIN),
    silenceMs: median(silences) ?? 0,
    withinMs: pieces.length < answers.length / 2 ? 0 : (median(pieces) ?? 0),
    askedShare: pauses.asked + pauses.silent === 0 ? 1 : pauses.asked / (pauses.asked + pauses.silent),
    waitMs: median(waits) ?? 0,
    bursts: bursts.length,
    burstBytes,
    burstMostBytes:
      quantile(
        bursts.map((b) => b.bytes),
        0.95,
      ) ?? 0,
    burstsAlike: shareNear(
      bursts.map((b) => b.bytes),
      burstBytes,
      SAME_WITHIN,
    ),
    steadyShare,
    burstEveryMs: everyMs,
  };
}

/** As large as packets get here, or several of the usual sizes that the network card is to part. */
function isFull(bytes: number, fullBytes: number): boolean {
  return bytes >= (1 - SAME_WITHIN) * fullBytes || SEGMENTS.some((size) => bytes % size === 0);
}

/** The usual distance of two times, and the share of distances that are near it. */
function beat(times: readonly number[]): { everyMs: number; steadyShare: number } {
  const steps = times.slice(1).map((t, i) => t - (times[i] ?? 0));
  const everyMs = median(steps) ?? 0;
  const steady = steps.filter((ms) => Math.abs(ms - everyMs) <= STEADY_WITHIN * everyMs).length;
  return { everyMs, steadyShare: steps.length === 0 ? 0 : steady / steps.length };
}

function shareNear(values: readonly number[], middle: number, within: number): number {
  if (values.length === 0) return 0;
  return values.filter((v) => Math.abs(v - middle) <= within * middle).length / values.length;
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
const ONE_PACKET_BYTES = 1_500;
const PICTURE_BYTES = { least: 600, most: 4_000_000 };
/** Requests for pictures: RFB's ten bytes, with a WebSocket's header, TLS and its padding around them; web servers are asked by more. */
const REQUEST_BYTES = 72;
/** Pictures differ in size; blocks of files and readings of sensors do not. */
const MOST_ALIKE = 0.8;
/** Pictures without compression do not either: then it has to be RFB's own request of ten bytes that asks, and a whole screen that comes. */
const RFB_REQUEST = { least: 8, most: 16 };
/** 320 x 200 points of four bytes: no screen is smaller, and rows of a database seldom as large. */
const RAW_SCREEN_BYTES = 256_000;
/** Requests for pictures are all alike. */
const REQUESTS_ALIKE = 0.8;
/** Between a picture and the request for the next one a server is silent; one that sends a file is not, or not longer than in the middle. */
const LEAST_SILENCE_MS = 4;
const SILENCE_TO_PIECES = 1.5;
const ASKED_SHARE = 0.5;
/** Keys come in the middle of a picture too. */
const SCREEN_ENDS_SHORT = 0.5;
const PERSON_ENDS_SHORT = 0.2;
/** Screens send more than a packet now and then; what a game's server says of the world does not. */
const SCREEN_BURST_BYTES = 1_000;
const BEATS = { slowest: 8, fastest: 160, share: 0.6, bytes: 1_000 };
/** Voices, readings and game clients send in a beat all the time; hands rest. */
const MACHINE_BEAT = 0.8;
/** What is typed at a screen changes it: more than each message's acknowledgement. */
const LEAST_ECHO = 0.2;
/** On the web's ports requests are as small as that; keys and pointers are smaller. */
const WEB_MESSAGE_BYTES = 64;
/** A viewer asks as soon as it has drawn; a client that asks so much later than it acknowledges, ms, may ask by a clock. */
const LATE_MS = 20;

const perSecond = (n: number, r: FlowRhythm) => (r.spanMs <= 0 ? Infinity : (n * 1000) / r.spanMs);

/** Somebody types or points: small messages, several before there is an answer, at no machine's beat, and a screen that changes by them. */
export function hasPerson(r: FlowRhythm): boolean {
  return (
    r.messages >= ENOUGH &&
    r.answers >= 2 &&
    r.messageBytes <= SMALL_BYTES &&
    r.unansweredShare >= RUNS_SHARE &&
    perSecond(r.messages, r) <= MOST_INPUTS &&
    !hasMachineBeat(r) &&
    r.answeredBytes >= LEAST_ECHO * r.messages * r.messageBytes &&
    (r.answers < ENOUGH || r.answersAlike < MOST_ALIKE) &&
    (r.packetBytes < PICTURE_BYTES.least || r.endsShort >= PERSON_ENDS_SHORT) &&
    (r.packetBytes >= PICTURE_BYTES.least || r.packetsAlike < MOST_ALIKE)
  );
}

/** Something of it is large enough to be a part of a screen. */
export function hasLargeBursts(r: FlowRhythm): boolean {
  return r.burstMostBytes >= SCREEN_BURST_BYTES;
}

/** Messages are smaller than the web's requests. */
export function hasSmallMessages(r: FlowRhythm): boolean {
  return r.messageBytes <= WEB_MESSAGE_BYTES;
}

/** The other end rests before it asks again, as a program may: `acknowledgedMs` is how soon it acknowledges. */
export function asksLate(r: FlowRhythm, acknowledgedMs: number): boolean {
  return r.waitMs - acknowledgedMs > LATE_MS;
}

/** The peer's messages keep a beat all the time, as hands do not. */
export function hasMachineBeat(r: FlowRhythm): boolean {
  return r.messageBeat >= MACHINE_BEAT;
}

/** It goes on for a while: what asks a web server for a page's parts is over in a moment. */
export function lasts(r: FlowRhythm): boolean {
  return r.messages >= 5 * ENOUGH && r.spanMs >= LONG_MS && perSecond(r.messages, r) >= LONG_RATE;
}

/** A screen is asked for: the same small request again and again, answered by pictures of their own sizes, with silence around it. */
export function hasScreen(r: FlowRhythm): boolean {
  const isRfb = r.messageBytes >= RFB_REQUEST.least && r.messageBytes <= RFB_REQUEST.most;
  return (
    r.answers >= ENOUGH &&
    r.messageBytes <= REQUEST_BYTES &&
    r.messagesAlike >= REQUESTS_ALIKE &&
    r.answerBytes >= PICTURE_BYTES.least &&
    r.answerBytes <= PICTURE_BYTES.most &&
    (r.answersAlike < MOST_ALIKE || (isRfb && r.answerBytes >= RAW_SCREEN_BYTES)) &&
    r.silenceMs >= Math.max(LEAST_SILENCE_MS, SILENCE_TO_PIECES * r.withinMs) &&
    r.askedShare >= ASKED_SHARE &&
    (isRfb || r.endsShort >= SCREEN_ENDS_SHORT) &&
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
    (r.burstBytes > ONE_PACKET_BYTES || r.burstsAlike < MOST_ALIKE) &&
    r.messageBytes <= SMALL_BYTES &&
    !asksForEach
  );
}
