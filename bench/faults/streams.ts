// The user's two TCP connections to the desktop for the length of a cell: one asks for each record, one is sent records all the time.
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { StartedCommand } from '../../os/start-command.js';
import { checkoutFolder } from '../../lab/images/locate.js';
import type { Ground } from './ground.js';
import type { Observed } from './observed.js';

type StreamEnd = Observed['streams'][number];
const KINDS = {
  feed: ['--interval', '50', '--payload', '4096'],
  answers: ['--interval', '0', '--payload', '2048'],
} as const;
const EndState = z.object({
  errors: z.number(),
  guestErrors: z.number(),
  received: z.number(),
  lost: z.string().nullable(),
});
const OPENS_WITHIN_MS = 60_000;
const ENDS_WITHIN_MS = 10_000;

interface Stream {
  readonly kind: StreamEnd['kind'];
  readonly child: StartedCommand;
  readonly log: string;
}

export class Streams {
  readonly #streams: readonly Stream[];

  private constructor(streams: readonly Stream[]) {
    this.#streams = streams;
  }

  /** Open both, and wait for their first records. */
  static async open(ground: Ground, external: string): Promise<Streams> {
    const open = async (kind: StreamEnd['kind']): Promise<Stream> => {
      const log = join(ground.small.dir, `stream-${kind}.jsonl`);
      await rm(log, { force: true });
      const main = join(checkoutFolder(), 'dist', 'lab', 'stream', 'stream-main.js');
      const { clientNamespace } = ground.world.user('alice');
      const argv = [process.execPath, main, '--host', external, '--log', log, ...KINDS[kind]];
      const child = ground.world.spawn(clientNamespace, argv, { env: { NODE_OPTIONS: '' } });
      const endMs = Date.now() + OPENS_WITHIN_MS;
      while ((await sizeOf(log)) === 0) {
        if (child.end !== null || Date.now() > endMs) {
          child.kill('SIGKILL');
          throw new Error(`the stream ${kind} did not open`);
        }
        await sleep(50);
      }
      return { kind, child, log };
    };
    return new Streams(await Promise.all([open('feed'), open('answers')]));
  }

  /** Wait until both carry new records; not for those that have ended. */
  async untilAlive(withinMs: number): Promise<boolean[]> {
    const endMs = Date.now() + withinMs;
    return Promise.all(
      this.#streams.map(async ({ child, log }) => {
        const before = await sizeOf(log);
        while (child.end === null && Date.now() < endMs) {
          if ((await sizeOf(log)) > before) return true;
          await sleep(50);
        }
        return false;
      }),
    );
  }

  /** Close both; what they say of their whole life. */
  async end(alive: readonly boolean[]): Promise<StreamEnd[]> {
    return Promise.all(
      this.#streams.map(async ({ kind, child }, i) => {
        const said = once(child.stdout, 'data').then(([text]) => EndState.parse(JSON.parse(String(text))));
        child.kill('SIGTERM');
        const state = await Promise.race([
          said,
          child.ended.then(() => said),
          sleep(ENDS_WITHIN_MS, null, { ref: false }),
        ]).catch(() => null);
        child.kill('SIGKILL');
        const { errors, guestErrors, received, lost } = state ?? NOTHING_SAID;
        return { kind, errors, guestErrors, received, lost, alive: alive[i] ?? false };
      }),
    );
  }
}

const NOTHING_SAID = { errors: 0, guestErrors: 0, received: 0, lost: 'the client ended without a word' };
const sizeOf = async (file: string) => (await stat(file).catch(() => null))?.size ?? 0;
