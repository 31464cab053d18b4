// Runs one row of the handoff bench: one connection, one move after the other, back and forth, as the two hosts carry out a switchover.
import { z } from 'zod';
import { definition } from '../../test/system/guest-proxy/support/lab.js';
import { DesktopSession, sleep, until } from '../../test/system/guest-proxy/support/session.js';
import type { Around } from './arrivals.js';
import { type Actors, actorsOf, type Kind, KINDS } from './desktops.js';
import type { EndState } from './end-process.js';
import { delayAll } from './wan.js';

/** Packets for the paused desktop are kept from just before it stops (the product's way), from when it has stopped, or not at all. */
export const WAYS = ['hold', 'hold-late', 'no-hold'] as const;
export type Way = (typeof WAYS)[number];

/** A host comes back to an address after six stays: later than NATs remember its connections (docs/connections.md, "Limits"). */
const POOL = 6;
const BETWEEN_MS = 500;

const Sample = z.object({
  downtimeMs: z.number(),
  held: z.number(),
  /** From the resume to when the source had let go what it held: half a round trip, and what its rules and records take. */
  releasedMs: z.number(),
  /** From the resume to what came first after it. */
  firstMs: z.number(),
  /** The longest silence from the pause on. */
  gapMs: z.number(),
});
type Sample = z.infer<typeof Sample>;

export const Row = z.object({
  kind: z.enum(KINDS),
  way: z.enum(WAYS),
  rttMs: z.number(),
  samples: z.array(Sample),
  /** The connection died. */
  broken: z.number(),
  /** Of datagrams, both ways; null for TCP, which does not show them. */
  lost: z.number().nullable(),
  reordered: z.number(),
});
export type Row = z.infer<typeof Row>;

interface RowOptions {
  readonly rttMs: number;
  readonly pauseMs: number;
}

/** One move; what the source learns half a round trip after the target, it does then. */
async function moveOnce(
  session: DesktopSession,
  { moved, ends: [client] }: Actors,
  { way, rttMs, pauseMs }: RowOptions & { way: Way },
): Promise<Sample> {
  const { change } = await session.prepare();
  const { at, other } = session;
  const hold = (): Promise<void> => session.call(at, 'hold', definition.id);
  const nothing = (): Promise<void> => Promise.resolve();
  const stoppedMs = await moved.bring(other, {
    before: way === 'hold' ? hold : nothing,
    after: way === 'hold-late' ? hold : nothing,
  });
  await sleep(Math.max(0, pauseMs - (Date.now() - stoppedMs)));
  await session.call(other, 'activate', definition);
  const resumedMs = await moved.resume();
  const committed = session.call(other, 'commitClients', change, 15_000);
  await sleep(rttMs / 2);
  const { packets } = await session.call<{ packets: number }>(at, 'releaseTo', change);
  const releasedMs = Date.now() - resumedMs;
  Object.assign(session, { at: other, external: change.newExternal, epoch: change.epoch });
  await committed;
  const around = (): Promise<Around | null> => client.call<Around | null>('around', stoppedMs, resumedMs);
  await until('something comes', async () => (await around()) !== null, 120_000);
  await until('its own path is taken', async () => (await session.status()).relayed === 0, 120_000);
  // The gap may end later than the first data, where what comes is not what was waited for.
  await sleep(BETWEEN_MS);
  const seen = await around();
  await session.cleanUp(change);
  if (seen === null) throw new Error('nothing has come');
  return { ...seen, downtimeMs: resumedMs - stoppedMs, held: packets, releasedMs };
}

/** Run `moves` moves with one connection of a kind. */
export async function runRow(kind: Kind, way: Way, options: RowOptions & { moves: number }): Promise<Row> {
  const { moves, rttMs } = options;
  const session = await DesktopSession.create('drop', POOL, { cables: kind === 'udp' });
  let actors: Actors | null = null;
  try {
    actors = await actorsOf(session, kind);
    const { ends } = actors;
    await delayAll(session.lab, rttMs);
    const samples: Sample[] = [];
    while (samples.length < moves) {
      await sleep(BETWEEN_MS);
      samples.push(await moveOnce(session, actors, { ...options, way }));
    }
    for (const end of ends) await end.call('quiet');
    await sleep(10 * rttMs);
    const states = await Promise.all(ends.map((end) => end.call<EndState>('state')));
    const sum = (key: 'sent' | 'received' | 'reordered') => states.reduce((n, s) => n + s[key], 0);
    return {
      ...{ kind, way, rttMs, samples, reordered: sum('reordered') },
      broken: states.some((s) => s.closed !== null) ? 1 : 0,
      lost: kind === 'udp' ? sum('sent') - sum('received') : null,
    };
  } finally {
    await actors?.moved.end();
    await session.dispose();
  }
}
