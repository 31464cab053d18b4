// `vmshadow retry [DESKTOP|SITE/HOST]`: what is held back after failures is planned again.
import { z } from 'zod';
import { LOOP } from '../../temporal/contract/loop.js';
import { RetryMoves } from '../../temporal/contract/requests.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { plural } from '../render/format.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({ ...poolOptions, what: z.string().min(1).optional() });

/** Run `vmshadow retry [DESKTOP|SITE/HOST]`. */
export async function retryCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, what } = parseArguments(Options, raw, 'retry', ['what']);
  const ask = parseArguments(RetryMoves, what === undefined ? {} : meant(what), 'retry', ['desktop', 'host']);
  const retried = await withLoop(pool, (loop) => loop.update(LOOP.retryMoves, ask));
  const of = what === undefined ? '' : ` of ${what}`;
  context.out(
    json
      ? JSON.stringify(retried, null, 2)
      : retried.forgotten === 0
        ? `Nothing${of} was held back.`
        : `${plural(retried.forgotten, 'hold')}${of} forgotten: the next plan may try again.`,
  );
}

/** A desktop, or `SITE/HOST`. */
function meant(what: string): unknown {
  const [site, host] = what.split('/');
  return host === undefined ? { desktop: what } : { host: { site, host } };
}
