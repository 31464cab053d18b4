// `vmshadow relay`: one end of a move's relay. dom0 starts it; nobody else has to.
import { z } from 'zod';
import { parseInput } from '../../domain/model/parse.js';
import { RelaySpec } from '../../transfer/relay/spec.js';
import { untilStopped } from '../daemon.js';
import { makeLogger } from '../logger.js';

const Json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected JSON' });
    return z.NEVER;
  }
});
const Options = z.object({ pidfile: z.string().min(1), spec: Json });

/** Run a relay until it is stopped or has nothing to do for long. */
export async function relayCommand(raw: unknown): Promise<void> {
  const { pidfile, spec } = parseInput(Options, raw, 'relay');
  const parsed = parseInput(RelaySpec, { ...(spec as object), pidFile: pidfile }, 'what the relay was told');
  const { runRelay } = await import('../../workers/relay.js');
  const logger = makeLogger();
  await untilStopped((signal) => runRelay(parsed, logger, signal));
}
