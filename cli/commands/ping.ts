// `vmshadow ping DESKTOP`: which path its connections take now, and the round trip of each, as hosts and users' proxies last measured them.
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { noDesktop } from '../failures.js';
import { pathsOf, renderPing } from '../render/ping.js';
import { withLoop } from '../with-loop.js';

const Ping = z.object({ ...poolOptions, desktop: DesktopId });

/** Run `vmshadow ping DESKTOP`. */
export async function pingCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop } = parseArguments(Ping, raw, 'ping', ['desktop']);
  const { desktops } = await withLoop(pool, (loop) => loop.status({ desktop }));
  const [found] = desktops;
  if (found === undefined) throw noDesktop(desktop, pool);
  const { host, state } = found;
  context.out(
    json ? JSON.stringify({ desktop, host, state, paths: pathsOf(found) }, null, 2) : renderPing(found),
  );
}
