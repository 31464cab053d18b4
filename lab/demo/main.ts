// `npm run demo`: builds a small world, lets the product work in it, measures, checks what it promised, and removes everything.
// Exit codes: 0 all promises kept, 1 something was not, 64 wrong options, 130 interrupted.
import { cp, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, isVmshadowError, messageOf } from '../../domain/errors.js';
import { World } from '../net/world.js';
import { Narrator } from './narrator.js';
import { parseDemoOptions } from './options.js';
import { play } from './play.js';
import { demoWorld } from './scenario.js';

/** What is being set up when the demo is interrupted ends or fails within this time; what it made meanwhile is removed, too. */
const SETTLE_MS = 10_000;

async function run(): Promise<number> {
  const options = parseDemoOptions(process.argv.slice(2));
  const narrator = new Narrator();
  const ending = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(new DOMException('interrupted', 'AbortError')));
  });
  interrupted.catch(() => undefined);
  // A second Ctrl-C changes nothing: the removal goes on.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort());
  let world: World | null = null;
  let folder: string | null = null;
  let played: Promise<number> | null = null;
  try {
    narrator.say('building three sites, two homes behind NATs, and the WAN between them');
    world = await World.create(demoWorld(options, options.prefix));
    folder = await mkdtemp('/var/tmp/vmshadow-demo-');
    world.alsoRemove(folder);
    ending.signal.throwIfAborted();
    played = play(options, narrator, world, folder, ending.signal);
    return await Promise.race([played, interrupted]);
  } catch (error) {
    narrator.endBar();
    if (ending.signal.aborted) {
      narrator.say('interrupted');
      return 130;
    }
    const logs = join(options.out, 'logs');
    const kept =
      folder !== null &&
      (await cp(join(folder, 'logs'), logs, { recursive: true }).then(
        () => true,
        () => false,
      ));
    const cause = isVmshadowError(error) && error.cause !== undefined ? messageOf(error.cause) : '';
    const why = messageOf(error);
    console.error(`demo: ${why}${cause === '' || why.includes(cause.slice(0, 200)) ? '' : ` (${cause})`}`);
    if (kept) console.error(`demo: the logs of all processes are in ${logs}`);
    return hasCode(error, 'INPUT_INVALID') ? 64 : 1;
  } finally {
    ending.abort();
    if (world !== null) await remove(world, played, narrator);
  }
}

/** Remove the world, and once more when what was under way has ended: it may have made something after the first time. */
async function remove(world: World, played: Promise<number> | null, narrator: Narrator): Promise<void> {
  narrator.say('removing everything that the demo made');
  const gone = await world.destroy();
  const settled = Promise.resolve(played).catch(() => undefined);
  await Promise.race([settled, sleep(SETTLE_MS)]);
  const late = await world.destroy();
  narrator.say(
    `gone: ${String(gone.processes + late.processes)} processes, ${String(gone.namespaces + late.namespaces)} namespaces, all files but the report`,
  );
}

process.exit(await run());
