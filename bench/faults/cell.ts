// One run of one cell: a move is begun, the fault comes in its phase, and everything is watched until the desktop is safe or time is up.
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ID } from '../../lab/cloud/small-cloud.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE, type MoveStatus } from '../../temporal/contract/move.js';
import { CopyWatch, recordAt } from './copy-watch.js';
import { FAR_MS, NEAR_MS, otherThan, siteOf, type Ground, type HostName } from './ground.js';
import { makeReady, type Ready } from './inject.js';
import { cutMs, type Cell } from './matrix.js';
import type { Observed } from './observed.js';
import { atPhase, isAsked, untilMoveIn } from './phase-watch.js';
import { Streams } from './streams.js';
import { slowness } from './verdict.js';

interface Ends {
  readonly source: HostName;
  readonly target: HostName;
}

/** From the end of the fault until all must be well: time-outs of 15 s, tries at growing intervals, and a machine that does other things. */
const SAFE_WITHIN_MS = 150_000;
/** A move that has ended leaves nothing, or the reconcile schedule finds it: it is asked to come now. */
const RECONCILE_AFTER_MS = 5_000;
/** TCP tries again at growing intervals, up to the length of what it has waited for. */
const STREAM_GOES_ON_MS = 45_000;
const KEEP_CLEAN_UP_MS = 4_000;
/** A look runs a dozen commands. */
const LOOK_MS = 1_000;
const STARTS_WITHIN_MS = 30_000;

/** Run a cell once. Throws where the bench itself could not do it: nothing is said about the product then. */
export async function runCell(ground: Ground, cell: Cell, random: () => number): Promise<Observed> {
  const source = ground.owner();
  if (source === null) throw new Error('nobody owns the desktop');
  const ends: Ends = { source, target: otherThan(source) };
  const before = ground.lastSeen ?? (await ground.verify());
  const external = await ground.external();
  if (before === null || external === null) throw new Error('the guest does not answer before the fault');
  const streams = await Streams.open(ground, external);
  const watch = new CopyWatch(ground.cloud, ID);
  try {
    await beginMove(ground, cell, ends);
    const hit = await hitIt(ground, cell, ends, random());
    const end = await untilSafe(ground, hit);
    const patience = STREAM_GOES_ON_MS + cutMs(cell.fault);
    const alive = await streams.untilAlive(patience);
    const guest = await ground.verify();
    // Without its streams the guest has nothing to send.
    const [stillS, sent] = [watch.stillS(hit.atMs), watch.sent(hit.atMs)];
    const closed = await streams.end(alive);
    const orphans = [...(await ground.leftovers(end.addresses)), ...(await ground.findings())];
    return {
      ...cell,
      atMs: hit.atMs,
      applies: hit.applies,
      hitAt: hit.hitAt,
      hit: hit.hit,
      outcome: end.outcome,
      error: end.error,
      mostRunning: watch.mostRunning(),
      stillS,
      load: loadNow(),
      sent,
      restarted: guest !== null && guest.uptimeMs < before.uptimeMs,
      killedAt: hit.killedAt,
      owner: ground.owner(),
      copies: await ground.copies(),
      disksEqual: end.disksEqual,
      guest:
        guest === null
          ? null
          : {
              badBlocks: guest.verify.bad,
              diskErrors: guest.disk.errors,
              memoryErrors: guest.memory.errors,
            },
      streams: closed,
      orphans,
      repaired: end.repaired,
      safeS: end.safeAtMs === null ? null : (end.safeAtMs - hit.atMs) / 1_000,
    };
  } finally {
    watch.end();
    await ground.world.setDelay(siteOf(ends.source), siteOf(ends.target), NEAR_MS / 2);
  }
}

async function beginMove(ground: Ground, { phase }: Cell, { target }: Ends): Promise<void> {
  const graceMs = phase === 'clean-up' ? KEEP_CLEAN_UP_MS : 0;
  await ground.cloud.update(LOOP.setPolicy, { migration: { graceMs } });
  await ground.cloud.update(LOOP.requestMove, { desktop: ID, site: siteOf(target), force: true });
}

interface Hit {
  readonly atMs: number;
  readonly applies: boolean;
  readonly hit: boolean;
  readonly hitAt: string;
  readonly killedAt: string | null;
  /** Until all of the fault is over. */
  readonly over: Promise<unknown>;
}

/** Wait for the phase, and do it. */
async function hitIt(ground: Ground, cell: Cell, ends: Ends, random: number): Promise<Hit> {
  let ready: Ready | null = null;
  if (!isAsked(cell.phase)) {
    await untilMoveIn(ground, ['memory', 'switchover']);
    await ground.world.setDelay(siteOf(ends.source), siteOf(ends.target), FAR_MS / 2);
    ready = await untilReady(ground, cell, ends);
  }
  let over: Promise<unknown> = Promise.resolve();
  let atMs = 0;
  let hitAt = '';
  const fire = (armed: Ready) => {
    atMs = Date.now();
    over = armed.fire();
    over.catch(() => undefined);
    hitAt = describe(ground, ends);
  };
  await atPhase(ground, cell.phase, ends, random, () => {
    if (ready !== null) fire(ready);
  });
  if (isAsked(cell.phase)) {
    ready = await makeReady(ground, cell.fault, ends);
    if (ready !== null) fire(ready);
  }
  const asked = async () => (await ground.move().query(MOVE.status)).phase;
  if (ready === null)
    return { atMs: Date.now(), applies: false, hit: true, hitAt: await asked(), killedAt: null, over };
  return { atMs, applies: true, hit: isIn(cell, ground, ends), hitAt, killedAt: ready.killedAt, over };
}

/** Make a fault ready that comes later in the move: a copy that it is to hit may only be about to start. */
async function untilReady(ground: Ground, { fault }: Cell, ends: Ends): Promise<Ready | null> {
  const endMs = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    const ready = await makeReady(ground, fault, ends);
    if (ready !== null || Date.now() > endMs) return ready;
    await sleep(100);
  }
}

/** Whether the records said, when the fault had been done, that its phase was not over. */
function isIn({ phase }: Cell, ground: Ground, { source, target }: Ends): boolean {
  const [at, there] = [source, target].map((host) => recordAt(ground.cloud, host, ID)?.state);
  if (phase === 'after-run' || phase === 'clean-up') return there === 'owner';
  if (phase === 'after-release') return at === 'released' && there !== 'owner';
  return at === 'owner';
}

function describe(ground: Ground, { source, target }: Ends): string {
  const [at, there] = [source, target].map((host) => {
    const record = recordAt(ground.cloud, host, ID);
    return record === null ? 'none' : `${record.state} ${String(record.epoch)}`;
  });
  return `source ${at ?? ''}, target ${there ?? ''}`;
}

interface End {
  readonly outcome: Observed['outcome'];
  readonly error: string | null;
  readonly disksEqual: boolean | null;
  readonly addresses: readonly (string | null)[];
  readonly repaired: string[];
  readonly safeAtMs: number | null;
}

/** Wait until the move has ended, one copy runs at its owner, and nothing is left; the reconcile schedule comes by when it would be needed. */
async function untilSafe(ground: Ground, hit: Hit): Promise<End> {
  await hit.over;
  const endMs = Date.now() + SAFE_WITHIN_MS * slowness(loadNow());
  const repaired: string[] = [];
  let endedAtMs: number | null = null;
  let reconciledAtMs = 0;
  let last: MoveStatus | null = null;
  let outcome: Observed['outcome'] = 'running';
  let safeAtMs: number | null = null;
  while (safeAtMs === null && Date.now() < endMs) {
    const nowMs = Date.now();
    const execution = (await soon(ground.move().describe()))?.status.name;
    last = (await soon(ground.move().query(MOVE.status))) ?? last;
    if (execution === 'TERMINATED') outcome = 'terminated';
    else if (last !== null && execution !== 'RUNNING') outcome = last.outcome;
    if (execution !== undefined && execution !== 'RUNNING') endedAtMs ??= nowMs;
    if (endedAtMs !== null) {
      const [copies, left] = [await ground.copies(), await ground.leftovers(addressesOf(last))];
      if (copies.length === 1 && copies[0] === ground.owner() && left.length === 0) {
        safeAtMs = nowMs;
      } else if (nowMs - Math.max(endedAtMs, reconciledAtMs) > RECONCILE_AFTER_MS) {
        repaired.push(...left);
        reconciledAtMs = nowMs;
        await soon(ground.reconcileNow());
      }
    }
    if (safeAtMs === null) await sleep(LOOK_MS);
  }
  return {
    outcome,
    error: last?.error?.message ?? null,
    disksEqual: last?.diskHashes?.equal ?? null,
    addresses: addressesOf(last),
    repaired: [...new Set(repaired)],
    safeAtMs,
  };
}

/** Processes that want a core, a core. */
const loadNow = () => (loadavg()[0] ?? 0) / cpus().length;
const addressesOf = (status: MoveStatus | null) => [status?.oldExternal ?? null, status?.newExternal ?? null];
const ANSWER_MS = 10_000;

/** What a server or a manager answers that may be away just now: null then. */
async function soon<T>(question: Promise<T>): Promise<T | null> {
  const late = sleep(ANSWER_MS, null, { ref: false });
  return Promise.race([question, late]).catch(() => null);
}
