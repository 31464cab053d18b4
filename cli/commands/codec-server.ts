// `vmshadow codec-server`: lets the Temporal UI on this machine show what is encrypted or compressed.
import { z } from 'zod';
import { Port } from '../../domain/model/address.js';
import { integer, parseArguments } from '../arguments.js';
import type { CliContext } from '../context.js';
import { untilAborted, untilStopped } from '../daemon.js';

const Origin = z
  .string()
  .regex(/^https?:\/\/[^/\s]+$/, 'expected an origin such as https://temporal.example.org');
const Options = z.object({
  port: integer.pipe(Port).default(8234),
  origin: z.array(Origin).default(['http://127.0.0.1:8233', 'http://localhost:8233']),
});

/** Run a codec server until it is stopped. */
export async function codecServerCommand(context: CliContext, raw: unknown): Promise<void> {
  const { port, origin } = parseArguments(Options, raw, 'codec-server');
  const { payloadCodec } = await import('../../temporal/codec.js');
  const { KEYS_VARIABLE, payloadKeys } = await import('../../temporal/payload-keys.js');
  const { startCodecServer } = await import('../../temporal/codec-server.js');
  const keys = payloadKeys(context.env);
  const server = await startCodecServer({ codec: payloadCodec(keys), port, origins: origin });
  try {
    context.note(`codec server: ${server.address}   for pages of ${origin.join(', ')}`);
    if (keys === null)
      context.note(`${KEYS_VARIABLE} names no keys: it shows what is compressed, not what is encrypted`);
    await untilStopped(untilAborted, (name) => context.note(`${name}: stopping`));
  } finally {
    await server.stop();
  }
}
