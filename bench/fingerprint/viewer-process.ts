// The user at the thin client, as a process of its own (so that it can live in another network namespace): follows the desktop, types or
// points, and prints one line of JSON with what it saw. Arguments: HOST PORT pull|push SECONDS INPUT FROM-ADDRESS|- zrle|raw.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keysym } from '../../lab/rfb/messages.js';
import { RfbClient } from '../../lab/rfb/rfb-client.js';

/** What the user does: nothing, types (about 4.5 keys a second), turns a page every 2 to 5 s, or plays (keys and a moving pointer). */
export type UserInput = 'none' | 'type' | 'page' | 'play' | 'point';

export interface Seen {
  readonly frames: number;
  /** The session's first and last moment, milliseconds since the epoch; how long was measured: the warm-up is not in that. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly seconds: number;
  readonly framesPerSecond: number;
  /** Median and upper tenth of the time from request to complete update; null for pushed updates. */
  readonly responseMs: number | null;
  readonly response90Ms: number | null;
  /** The whole distribution: its percentiles from 0 to 100; empty for pushed updates. */
  readonly responsePercentilesMs: readonly number[];
  readonly kilobytesPerSecond: number;
  /** When each frame was complete, milliseconds since the epoch. */
  readonly completedMs: readonly number[];
}

/** The first screen and the start of the stream are not what is measured. */
const WARM_UP_MS = 1_500;

const [host = '', port = '0', mode = 'pull', seconds = '5', input = 'none', from = '-', encoding = 'zrle'] =
  process.argv.slice(2);

const socket = connect({
  host,
  port: Number(port),
  noDelay: true,
  ...(from === '-' ? {} : { localAddress: from }),
});
await new Promise((resolve, reject) => {
  socket.once('connect', resolve);
  socket.once('error', reject);
});
const client = await RfbClient.start(socket, {
  mode: mode === 'push' ? 'push' : 'pull',
  encodings: encoding === 'raw' ? ['raw'] : ['zrle', 'copyRect', 'raw'],
});
const startedAt = performance.timeOrigin + performance.now() + WARM_UP_MS;
const responses: number[] = [];
const completedMs: number[] = [];
let frames = 0;
let bytes = 0;
const done = new AbortController();
const running = client.run((frame) => {
  if (frame.completedAt < startedAt) return;
  frames += 1;
  completedMs.push(frame.completedAt);
  bytes += frame.bytes;
  if (frame.requestedAt !== null) responses.push(frame.completedAt - frame.requestedAt);
}, done.signal);
const acting = act(input as UserInput, done.signal).catch(() => undefined);
await Promise.race([running, sleep(WARM_UP_MS + Number(seconds) * 1000)]);
const endedAt = performance.timeOrigin + performance.now();
// On a busy machine the timer is late.
const lasted = (endedAt - startedAt) / 1000;
done.abort();
await running.catch(() => undefined);
await acting;
responses.sort((a, b) => a - b);
const at = (q: number) => responses[Math.floor(responses.length * q)] ?? null;
const seen: Seen = {
  frames,
  fromMs: startedAt - WARM_UP_MS,
  toMs: endedAt,
  seconds: lasted,
  framesPerSecond: frames / lasted,
  responseMs: at(0.5),
  response90Ms: at(0.9),
  responsePercentilesMs:
    responses.length === 0
      ? []
      : Array.from({ length: 101 }, (_, p) => Number((at(Math.min(p / 100, 0.9999)) ?? 0).toFixed(1))),
  kilobytesPerSecond: bytes / 1000 / lasted,
  completedMs,
};
console.log(JSON.stringify(seen));
process.exit(0);

/** Seeded, so that every run types the same rhythm. */
function* random(): Generator<number, never> {
  for (let x = 12_345; ;) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) & 0x7fffffff;
    yield x / 0x7fffffff;
  }
}

async function act(what: UserInput, signal: AbortSignal): Promise<void> {
  const r = random();
  const next = () => r.next().value;
  for (let n = 0; !signal.aborted; n++) {
    if (what === 'none') return;
    if (what === 'type') {
      client.pressKey(n % 40 === 39 ? Keysym.return : 97 + Math.floor(next() * 26));
      await sleep(100 + next() * 250, undefined, { signal });
    } else if (what === 'page') {
      client.pressKey(n % 8 < 6 ? Keysym.pageDown : Keysym.pageUp);
      await sleep(2_000 + next() * 3_000, undefined, { signal });
    } else if (what === 'point') {
      client.movePointer(200 + Math.round(next() * 200), 200 + Math.round(next() * 200));
      await sleep(25, undefined, { signal });
    } else {
      client.pressKey([Keysym.left, Keysym.right, 32][n % 3] ?? 32);
      await sleep(120 + next() * 100, undefined, { signal });
    }
  }
}
