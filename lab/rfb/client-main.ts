// A thin client as a process: follows one desktop, types if asked to, logs every frame (session-log.ts), prints a summary at the end.
// Exit codes: 0 time up or asked to end, 1 the connection was lost, 64 wrong arguments, 69 no server.
//   tsx lab/rfb/client-main.ts --host ADDR [--port 5901] --log FILE [--seconds N] [--mode pull|push] [--encodings zrle,copyRect,raw]
//       [--type-rate CHARS_PER_MINUTE [--type-text FILE]] [--press KEYSYM --press-every SECONDS] [--seed N] [--screenshot FILE.ppm]
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import { Port } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';
import { openSocket, RfbClient } from './rfb-client.js';
import type { EndEvent, SessionEvent } from './session-log.js';
import { pressing, SAMPLE_TEXT, typing, type Keystroke } from './typist.js';

const Options = z.object({
  host: z.string().min(1),
  port: z.coerce.number().pipe(Port).default(5901),
  log: z.string().min(1),
  seconds: z.coerce.number().positive().optional(),
  mode: z.enum(['pull', 'push']).default('pull'),
  encodings: z
    .string()
    .default('zrle,copyRect,raw')
    .transform((list) => list.split(','))
    .pipe(z.array(z.enum(['zrle', 'copyRect', 'raw'])).min(1)),
  'type-rate': z.coerce.number().min(1).max(3_000).optional(),
  'type-text': z.string().optional(),
  press: z.coerce.number().int().min(1).optional(),
  'press-every': z.coerce.number().positive().default(5),
  seed: z.coerce.number().int().default(1),
  screenshot: z.string().optional(),
});
type Options = z.infer<typeof Options>;

const OPTION_NAMES = Object.keys(Options.shape);
/** Longer than this without a frame is logged as a gap. */
const GAP_MS = 1_000;
/** The window must be there before keys are worth anything. */
const FIRST_KEY_AFTER_MS = 1_000;

const now = () => performance.timeOrigin + performance.now();

function keystrokes(options: Options): Iterator<Keystroke> | null {
  if (options['type-rate'] !== undefined) {
    const file = options['type-text'];
    return typing(
      file === undefined ? SAMPLE_TEXT : readFileSync(file, 'utf8'),
      options['type-rate'],
      options.seed,
    );
  }
  return options.press === undefined
    ? null
    : pressing(options.press, options['press-every'] * 1000, options.seed);
}

async function type(
  client: RfbClient,
  keys: Iterator<Keystroke>,
  log: (event: SessionEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  await sleep(FIRST_KEY_AFTER_MS, undefined, { signal });
  while (!signal.aborted) {
    const { value } = keys.next() as { value: Keystroke };
    await sleep(value.afterMs, undefined, { signal });
    client.pressKey(value.keysym);
    log({ event: 'key', at: now(), keysym: value.keysym });
  }
}

async function follow(options: Options): Promise<EndEvent> {
  const socket = await openSocket(options.host, options.port);
  const client = await RfbClient.start(socket, { mode: options.mode, encodings: options.encodings });
  const file = createWriteStream(options.log, { flags: 'a' });
  const log = (event: SessionEvent) => void file.write(`${JSON.stringify(event)}\n`);
  const ending = new AbortController();
  const asked = () => ending.abort();
  process.on('SIGINT', asked).on('SIGTERM', asked);
  const timer = options.seconds === undefined ? undefined : setTimeout(asked, options.seconds * 1000);

  const started = now();
  const { address: localAddress, port: localPort } = client.localAddress;
  const { width, height } = client.screen;
  log({
    event: 'connected',
    at: started,
    pid: process.pid,
    localAddress,
    localPort,
    remoteAddress: options.host,
    remotePort: options.port,
    desktopName: client.desktopName,
    width,
    height,
  });
  let frames = 0;
  let lastAt = started;
  let longestGapMs = 0;
  const keys = keystrokes(options);
  const hands = keys === null ? null : type(client, keys, log, ending.signal).catch(() => undefined);
  let message = 'time is up, or asked to end';
  let why: EndEvent['why'] = 'asked';
  try {
    await client.run((frame) => {
      const gapMs = frame.completedAt - lastAt;
      if (gapMs > GAP_MS) log({ event: 'gap', at: frame.completedAt, gapMs });
      longestGapMs = Math.max(longestGapMs, gapMs);
      lastAt = frame.completedAt;
      frames++;
      const responseMs = frame.requestedAt === null ? null : frame.completedAt - frame.requestedAt;
      log({
        event: 'frame',
        at: frame.completedAt,
        n: frame.n,
        responseMs,
        bytes: frame.bytes,
        rects: frame.rects,
      });
    }, ending.signal);
  } catch (error) {
    why = 'lost';
    message = messageOf(error);
  }
  clearTimeout(timer);
  ending.abort();
  await hands;
  const at = now();
  const seconds = (at - started) / 1000;
  const end: EndEvent = {
    event: 'end',
    at,
    why,
    message,
    localPort,
    frames,
    bytes: client.receivedBytes,
    seconds,
    longestGapMs,
  };
  log(end);
  if (options.screenshot !== undefined) writeFileSync(options.screenshot, client.screen.toPpm());
  await new Promise<void>((resolve) => file.end(() => resolve()));
  return end;
}

let options: Options;
try {
  const { values } = parseArgs({
    options: Object.fromEntries(OPTION_NAMES.map((name) => [name, { type: 'string' as const }])),
  });
  options = parseInput(Options, values, 'the command line of the VNC client');
} catch (error) {
  console.error(messageOf(error));
  process.exit(64);
}
try {
  const end = await follow(options);
  console.log(JSON.stringify(end));
  process.exitCode = end.why === 'asked' ? 0 : 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 69;
}
