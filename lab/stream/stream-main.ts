// The test stream's client as a process, for a namespace: pulls (or listens, with --interval) until time is up or it is asked to end,
// then prints its state as one JSON line. Exit codes: 0 nothing lost or doubled, 1 something was, 69 no guest.
//   tsx lab/stream/stream-main.ts --host ADDR [--port N] [--interval MS] [--payload BYTES] [--seconds N] [--log FILE: a JSON line a record]
import { createWriteStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import { Port } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';
import { StreamClient } from './stream-client.js';
import { MAX_PAYLOAD_BYTES } from './stream-wire.js';

const Options = z.object({
  host: z.string().min(1),
  port: z.coerce.number().pipe(Port).default(5901),
  interval: z.coerce.number().int().min(0).default(0),
  payload: z.coerce.number().int().min(0).max(MAX_PAYLOAD_BYTES).multipleOf(4).default(1024),
  seconds: z.coerce.number().positive().default(3_600),
  log: z.string().optional(),
});
const names = Object.keys(Options.shape);

try {
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  const options = parseInput(Options, values, 'the command line of the stream client');
  const client = await StreamClient.open({
    host: options.host,
    port: options.port,
    intervalMs: options.interval,
    guestPayloadBytes: options.payload,
  });
  const log = options.log === undefined ? null : createWriteStream(options.log, { flags: 'a' });
  client.onRecord(({ sequence, errors }) =>
    log?.write(
      `${JSON.stringify({ at: performance.timeOrigin + performance.now(), sequence, guestErrors: errors })}\n`,
    ),
  );
  if (options.interval === 0) client.pull();
  const deadline = Date.now() + options.seconds * 1000;
  let ending = false;
  process.on('SIGINT', () => (ending = true)).on('SIGTERM', () => (ending = true));
  const watch = setInterval(() => {
    if (!ending && Date.now() < deadline && client.state.lost === null) return;
    clearInterval(watch);
    const { state } = client;
    client.close();
    log?.end();
    console.log(JSON.stringify(state));
    process.exitCode = state.errors === 0 && state.guestErrors === 0 && state.lost === null ? 0 : 1;
  }, 50);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 69;
}
