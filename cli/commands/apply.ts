// `vmshadow apply FILE`: make the moves of a saved plan as far as they are still true. The loop looks at each on fresh reports and starts
// what its limits let begin; here the waves are gone through one after another, and moves followed to their ends.
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { DesktopId, HostRef, PoolId, hostKey } from '../../domain/model/ids.js';
import type { SavedMove } from '../../domain/placement/life/document.js';
import { changesBetween, type Change } from '../../domain/placement/life/snapshot.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import type { ApplyMoves, MoveApplied } from '../../temporal/contract/requests.js';
import { parseArguments, poolOptions, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { pause, untilStopped } from '../daemon.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { problemOf } from '../failures.js';
import { followMove } from '../follow.js';
import type { LoopClient } from '../loop-client.js';
import { readSavedPlan, snapshotOfStatus } from '../plan-document.js';
import { formatClock } from '../render/format.js';
import { isGood, renderApplied } from '../render/plan-life.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({
  ...poolOptions,
  pool: PoolId.optional(),
  file: z.string().min(1, 'expected a file'),
  dryRun: z.boolean().default(false),
});

/** What became of a move, for people and programs. */
interface AppliedMove {
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly wave: number;
  /** `would-start` in a dry run; `not-started`: the operator left before its turn came. */
  readonly result:
    'moved' | 'already-there' | 'left-out' | 'failed' | 'cancelled' | 'would-start' | 'not-started';
  /** Why it is left out, for programs. */
  readonly why: string | null;
  readonly reason: string | null;
}

export interface Applied {
  readonly plan: { readonly file: string; readonly madeAtMs: number; readonly pool: PoolId };
  readonly dryRun: boolean;
  readonly changes: readonly Change[];
  readonly moves: readonly AppliedMove[];
}

type Wanted = ApplyMoves['moves'][number];

const FOLLOW_INTERVAL_MS = 1_000;
/** A move waits for the loop's limits: when one of ours has ended, and now and then, since others move too. */
const ASK_AGAIN_MS = 5_000;
const MAX_REASON_CHARS = 500;

/** Run `vmshadow apply FILE`: 0 when each of its moves is made (or would be, in a dry run), 1 when one is left out or did not end as moved. */
export async function applyCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { file, json, dryRun, pool } = parseArguments(Options, raw, 'apply', ['file']);
  const document = await readSavedPlan(file);
  const of = document.pool;
  if (of === null)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${file}: this plan was made of a file (plan --input), not of a pool: there is nothing to apply it to`,
    );
  if (pool !== undefined && pool !== of)
    throw usageError('apply', `${file} is a plan for the pool ${of}, not for ${pool}`);
  return withLoop(of, async (loop) => {
    const now = snapshotOfStatus(await loop.wholeStatus(), {});
    const changes = changesBetween({ ...document.cloud, policy: {} }, now);
    const wanted = document.plan.moves.map(wantedOf);
    const applying = new Applying(context, loop);
    const whole = dryRun
      ? await applying.look(wanted)
      : await untilStopped((signal) => applying.make(wanted, signal));
    const moves = wanted.map((move) => applying.result(move));
    const applied: Applied = {
      plan: { file, madeAtMs: document.madeAtMs, pool: of },
      dryRun,
      changes,
      moves,
    };
    context.out(json ? JSON.stringify(applied, null, 2) : renderApplied(applied));
    if (!whole) {
      context.note('Moves that have begun go on; the others are not started. `vmshadow status` shows them.');
      return EXIT.interrupted;
    }
    return moves.every(isGood) ? EXIT.ok : EXIT.refused;
  });
}

function wantedOf({ desktop, from, fromHost, to, toHost, ...move }: SavedMove): Wanted {
  return {
    desktop: DesktopId.parse(desktop),
    from: HostRef.parse({ site: from, host: fromHost }),
    to: HostRef.parse({ site: to, host: toHost }),
    wave: move.wave,
    parking: move.parking === true,
    gainMs: move.gainMs,
    reason: move.reason.slice(0, MAX_REASON_CHARS),
    rttBeforeMs: move.rttBeforeMs,
    rttAfterMs: move.rttAfterMs,
  };
}

type Result = Pick<AppliedMove, 'result' | 'why' | 'reason'>;

/** One going through a plan: what became of its moves so far. */
class Applying {
  readonly #context: CliContext;
  readonly #loop: LoopClient;
  readonly #results = new Map<Wanted, Result>();

  constructor(context: CliContext, loop: LoopClient) {
    this.#context = context;
    this.#loop = loop;
  }

  result(move: Wanted): AppliedMove {
    const { desktop, from, to, wave } = move;
    const result = this.#results.get(move) ?? { result: 'not-started', why: null, reason: null };
    return { desktop, from, to, wave, ...result };
  }

  /** Ask what would become of each. */
  async look(wanted: readonly Wanted[]): Promise<true> {
    const { moves } = await this.#loop.update(LOOP.applyMoves, { moves: [...wanted], dryRun: true });
    wanted.forEach((move, k) => this.#results.set(move, resultOf(moves[k] as MoveApplied, 'would-start')));
    return true;
  }

  /** Make wave after wave; false when the operator has left before the end. */
  async make(wanted: readonly Wanted[], signal: AbortSignal): Promise<boolean> {
    const waves = [...new Set(wanted.map((m) => m.wave))].sort((a, b) => a - b);
    for (const wave of waves) {
      await this.#wave(
        wanted.filter((m) => m.wave === wave),
        signal,
      );
      if (signal.aborted) return false;
    }
    return true;
  }

  async #wave(moves: readonly Wanted[], signal: AbortSignal): Promise<void> {
    let open = [...moves];
    const followed = new Map<Wanted, Promise<void>>();
    while ((open.length > 0 || followed.size > 0) && !signal.aborted) {
      if (open.length > 0) {
        const { moves: answers } = await this.#loop.update(LOOP.applyMoves, { moves: open });
        open = open.filter((move, k) => {
          const answer = answers[k] as MoveApplied;
          if (answer.verdict === 'waits') return true;
          if (answer.verdict === 'started' || answer.verdict === 'under-way')
            followed.set(
              move,
              this.#follow(move, signal).finally(() => followed.delete(move)),
            );
          else this.#say(move, resultOf(answer, 'already-there'));
          return false;
        });
      }
      const ends = [...followed.values()];
      if (open.length > 0) ends.push(pause(ASK_AGAIN_MS, signal));
      if (ends.length > 0) await Promise.race(ends);
    }
    await Promise.all(followed.values());
  }

  async #follow(move: Wanted, signal: AbortSignal): Promise<void> {
    this.#context.note(`${formatClock(Date.now())} ${inShort(move)} has begun`);
    try {
      const end = await followMove(this.#loop, {
        desktop: move.desktop,
        signal,
        intervalMs: FOLLOW_INTERVAL_MS,
        onProgress: () => undefined,
        onSilence: (reason) => this.#context.note(reason),
      });
      if (end !== null) this.#say(move, endOf(end));
    } catch (error) {
      // The other moves go on.
      const { code, message } = problemOf(error);
      this.#say(move, { result: 'failed', why: code, reason: message });
    }
  }

  #say(move: Wanted, result: Result): void {
    this.#results.set(move, result);
    const why = result.reason === null ? '' : `: ${result.reason}`;
    this.#context.note(
      `${formatClock(Date.now())} ${inShort(move)} ${result.result.replace('-', ' ')}${why}`,
    );
  }
}

const inShort = ({ desktop, from, to }: Wanted) => `${desktop}  ${hostKey(from)} -> ${hostKey(to)}`;

function endOf({ outcome, error }: MoveStatus): Result {
  const reason = error === null ? null : `${error.code}: ${error.message}`;
  if (outcome === 'moved') return { result: 'moved', why: null, reason };
  return { result: outcome === 'cancelled' ? 'cancelled' : 'failed', why: error?.code ?? null, reason };
}

/** What an answer of the loop means where nothing is to follow. `otherwise`: for what is true. */
function resultOf({ verdict, why, reason }: MoveApplied, otherwise: AppliedMove['result']): Result {
  if (verdict === 'left-out') return { result: 'left-out', why: why ?? null, reason: reason ?? null };
  return { result: verdict === 'done' ? 'already-there' : otherwise, why: null, reason: null };
}
