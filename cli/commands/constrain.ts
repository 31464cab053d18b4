// `vmshadow desktop constrain DESKTOP`: show or change where a desktop may be, whatever it gains.
import { z } from 'zod';
import { constraintWords, DesktopConstraints } from '../../domain/model/constraints.js';
import { DesktopId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { noDesktop } from '../failures.js';
import { withLoop } from '../with-loop.js';

const { allowedSites, forbiddenSites, requires } = DesktopConstraints.shape;

/** `GROUP`, or `GROUP@site` to keep it by site instead of by host. */
const Group = z
  .string()
  .regex(/^[^@]+(@(host|site))?$/, 'expected GROUP, GROUP@host or GROUP@site')
  .transform((text) => {
    const [group = '', per = 'host'] = text.split('@');
    return { group, per };
  });

const Options = z.object({
  ...poolOptions,
  desktop: DesktopId,
  clear: z.boolean().default(false),
  pin: z.boolean().optional(),
  allow: allowedSites,
  forbid: forbiddenSites,
  require: requires,
  apart: z.array(Group).pipe(DesktopConstraints.shape.antiAffinity.unwrap()).optional(),
  together: z.array(Group).pipe(DesktopConstraints.shape.affinity.unwrap()).optional(),
});

/** Run `vmshadow desktop constrain DESKTOP`. */
export async function constrainCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop, clear, ...o } = parseArguments(Options, raw, 'desktop constrain', ['desktop']);
  const wanted = {
    pinned: o.pin,
    allowedSites: o.allow,
    forbiddenSites: o.forbid,
    requires: o.require,
    antiAffinity: o.apart,
    affinity: o.together,
  };
  const constraints = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const now = await withLoop(pool, async (loop) => {
    if (clear || Object.keys(constraints).length > 0)
      return loop.update(LOOP.constrainDesktop, { desktop, clear, constraints });
    const [found] = (await loop.status({ desktop })).desktops;
    if (found === undefined) throw noDesktop(desktop, pool);
    return found.constraints ?? {};
  });
  const words = constraintWords(now);
  context.out(
    json
      ? JSON.stringify({ desktop, constraints: now }, null, 2)
      : words.length === 0
        ? `${desktop}: no constraints`
        : words.map((line) => `${desktop}: ${line}`).join('\n'),
  );
}
