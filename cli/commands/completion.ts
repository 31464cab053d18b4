// `vmshadow completion SHELL` prints a script for the shell; `vmshadow __complete WORDS...` is what that script asks.
import { z } from 'zod';
import type { Command } from 'commander';
import { hostKey, PoolId } from '../../domain/model/ids.js';
import { parseArguments } from '../arguments.js';
import { complete, COMPLETION_SCRIPTS } from '../complete.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({ shell: z.enum(['bash', 'zsh', 'fish']) });

/** Run `vmshadow completion bash|zsh|fish`. */
export function completionCommand(context: CliContext, raw: unknown): void {
  const { shell } = parseArguments(Options, raw, 'completion', ['shell']);
  context.out(COMPLETION_SCRIPTS[shell]);
}

/** Whoever presses Tab waits no longer for names. */
const NAMES_WITHIN_MS = 3_000;

/** Print what may come next, one a line; without a control plane there are no names. */
export async function completeCommand(
  context: CliContext,
  program: Command,
  words: readonly string[],
): Promise<void> {
  const pool = PoolId.safeParse(words[words.indexOf('--pool') + 1]).data;
  const offered = await complete(program, words, async (kind) => {
    const asked = namesOf(words.includes('--pool') && pool !== undefined ? pool : PoolId.parse('main'));
    const late = new Promise<null>((resolve) => setTimeout(resolve, NAMES_WITHIN_MS, null).unref());
    const found = await Promise.race([asked.catch(() => null), late]);
    return found === null ? [] : found[kind];
  });
  if (offered.length > 0) context.out(offered.join('\n'));
}

async function namesOf(pool: PoolId) {
  const { desktops, hosts, sites } = await withLoop(pool, (loop) => loop.wholeStatus());
  const site = sites.map((s) => String(s.site));
  return {
    desktop: desktops.map((d) => String(d.desktop)),
    site,
    host: hosts.map((h) => String(h.host.host)),
    place: [...site, ...hosts.map((h) => hostKey(h.host))],
  };
}
