// What people's screens and machines say over the wire: conversations with a desktop, and others that have a rhythm too.
import type { Conversation, Said } from './packets.js';

/** What TLS adds to a message, bytes. */
export const tls = 29;

type Random = () => number;
type Value = number | ((random: Random) => number);
const valueOf = (v: Value, random: Random) => (typeof v === 'number' ? v : v(random));

/** A number between two. */
export const between =
  (a: number, b: number): Value =>
  (random) =>
    a + random() * (b - a);

export interface Asking {
  readonly seconds: number;
  readonly ask: Value;
  readonly answer: Value;
  readonly workMs: Value;
  /** From the answer's end, as the tap sees it, to the next question. */
  readonly restMs: Value;
  readonly spacingMs?: number;
  readonly segment?: number;
  readonly from?: number;
}

/** One side asks, the other answers, again and again. */
export const asking =
  ({ seconds, ask, answer, workMs, restMs, spacingMs = 0.1, segment = 1_448, from = 0 }: Asking) =>
  (random: Random): Said[] => {
    const said: Said[] = [];
    for (let t = from; t < from + seconds * 1000;) {
      said.push({ atMs: t, fromServer: false, bytes: valueOf(ask, random) });
      t += valueOf(workMs, random);
      const bytes = valueOf(answer, random);
      said.push({ atMs: t, fromServer: true, bytes });
      t += Math.ceil(bytes / segment) * spacingMs + valueOf(restMs, random);
    }
    return said;
  };

/** One side sends in a beat, with a little unevenness. */
export const beating =
  (seconds: number, everyMs: Value, bytes: Value, fromServer: boolean, jitterMs = 0) =>
  (random: Random): Said[] => {
    const said: Said[] = [];
    for (let t = 1; t < seconds * 1000; t += Math.max(0.05, valueOf(everyMs, random)))
      said.push({
        atMs: Math.max(0, t + (random() - 0.5) * jitterMs),
        fromServer,
        bytes: valueOf(bytes, random),
      });
    return said;
  };

/** Several things at a time. */
export const together =
  (...parts: readonly Conversation['said'][]) =>
  (random: Random): Said[] =>
    parts.flatMap((p) => p(random));

/** Greetings of a connection, then what follows. */
export const after =
  (
    greetings: readonly (readonly [fromServer: boolean, bytes: number, text?: string | Uint8Array])[],
    then: Conversation['said'],
  ) =>
  (random: Random): Said[] => [
    ...greetings.map(([fromServer, bytes, text = ''], n) => ({ atMs: n * 12, fromServer, bytes, text })),
    ...then(random).map((s) => ({ ...s, atMs: s.atMs + greetings.length * 12 + 20 })),
  ];

/** Somebody types and points, and the screen follows. */
export const typing =
  (seconds: number, overhead = 0) =>
  (random: Random): Said[] => {
    const said: Said[] = [];
    for (let t = 0; t < seconds * 1000; t += 15 + random() ** 3 * 900) {
      said.push({ atMs: t, fromServer: false, bytes: 8 + overhead });
      if (random() < 0.4) said.push({ atMs: t + 60 + random() * 30, fromServer: false, bytes: 8 + overhead });
      if (random() < 0.6)
        said.push({ atMs: t + 12 + random() * 40, fromServer: true, bytes: 200 + random() ** 2 * 20_000 });
    }
    return said;
  };

/** A film that a viewer asks for picture by picture. */
export const pulled =
  (seconds: number, { rttMs = 20, overhead = 0, fps = 24 } = {}) =>
  (random: Random): Said[] => {
    const said: Said[] = [];
    const everyMs = 1000 / fps;
    let next = 0;
    for (let t = 0; t < seconds * 1000;) {
      said.push({ atMs: t, fromServer: false, bytes: 10 + overhead });
      next = Math.max(next + everyMs, Math.floor(t / everyMs) * everyMs);
      const start = Math.max(t, next) + 2 + random();
      const bytes = 6_000 + random() * 20_000;
      said.push({ atMs: start, fromServer: true, bytes });
      t = start + Math.ceil(bytes / 1_448) * 0.1 + rttMs + 0.8 + random() * 0.4;
    }
    return said;
  };

/** A film that is pushed; the pointer moves now and then. */
export const pushed = (seconds: number, { fps = 24, overhead = 0, least = 6_000, most = 30_000 } = {}) =>
  together(beating(seconds, 1000 / fps, between(least, most), true, 2), (random) =>
    typing(seconds, overhead)(random).filter((s) => !s.fromServer),
  );

/** Somebody types, and each key changes the screen by as much. */
export const typingEvenly =
  (seconds: number, keyBytes: number, echoBytes: number) =>
  (random: Random): Said[] => {
    const said: Said[] = [];
    for (let t = 0; t < seconds * 1000; t += 60 + random() ** 2 * 700) {
      said.push({ atMs: t, fromServer: false, bytes: keyBytes });
      said.push({ atMs: t + 5 + random() * 10, fromServer: true, bytes: echoBytes });
    }
    return said;
  };
