// The switchover, source side: ONE activity, dom0 to dom0, with no Temporal round trip while the guest stands still.
//
//   1 tell the clients, arm the target   2 pause, last round, finish the disk   3 target confirms: complete and paused
//   4 `released(epoch)` here, durable    5 `owner(epoch)` there, durable; it runs   6 forward held and late packets
//
// Before 4 any failure resumes the source. After 5 only forward. Between, the target's word decides (and is asked for until it comes).
// All of it holds the desktop's lock: an attempt that Temporal gave up may still be in here, and the next one waits for it and then goes
// by the record, never by what it thinks has happened.
import { hasCode, isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import {
  assertOwner,
  isReleasedTo,
  reclaim,
  release,
  type OwnershipRecord,
} from '../../domain/migration/ownership.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import { setClockSoon } from '../host/guest-agents.js';
import type { HostContext } from '../host/host-context.js';
import { startHere } from '../host/start-here.js';
import { CHANGES_OF_A_MOVE } from '../stores/ownership-store.js';
import type { SavedBytes } from '../../domain/migration/saved-bytes.js';
import type { SwitchoverRequest } from '../host/inputs.js';
import type { SwitchoverResult, WireBytes } from '../../ports/hypervisor.js';
import type { CommitAnswer, PeerHost } from '../../ports/peers.js';

export interface SwitchoverDone {
  readonly downtimeMs: number;
  /** From the guest's stop here to its run there by the two hosts' clocks, and by this host's clock alone (to the answer). */
  readonly switchoverMs: number;
  /** Of the whole move; a host of a release before does not say. */
  readonly wireBytes?: WireBytes;
  /** What relays have kept off the wire; missing where none tells. */
  readonly saved?: SavedBytes | undefined;
  readonly heldPackets: number;
  readonly clientsPrepared: number;
  readonly clientsSilent: number;
}

export interface Pulse {
  (note: string): void;
  readonly signal: AbortSignal;
}

/** Clients answer within an RTT or two; three tries fit. A silent client must not hold the move. */
const PREPARE_CLIENTS_MS = 2_000;
/** An attempt that finds the desktop released does not know whom an earlier one told. */
const NOBODY_TOLD = { prepared: 0, silent: 0 };
/** How often the target is asked for its decision while it cannot be reached. */
const ASK_AGAIN_MS = 500;

/** Run the switchover to its end: moved, or thrown with the source running. */
export function switchover(
  ctx: HostContext,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<SwitchoverDone> {
  pulse('waiting for its turn');
  return ctx.locks.run(request.desktop, 'the switchover', () => underLock(ctx, request, pulse), {
    signal: pulse.signal,
  });
}

async function underLock(
  ctx: HostContext,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<SwitchoverDone> {
  const { desktop, epoch, sourceEpoch = epoch - 1 } = request;
  const peer = ctx.peers.connect(request.peer.host, request.peer.endpoint);
  const record = await ctx.ownership.get(desktop);
  const done = finishedOf(ctx).get(request.moveId);
  if (done !== undefined) return done;
  // An attempt before this one got as far as the release, or as the target's refusal.
  if (record?.state === 'owner' && record.epoch === epoch + 1) return refused(ctx, request);
  if (isReleasedTo(record, epoch, request.peer.host))
    return finish(ctx, request, await decide(ctx, peer, request, pulse), null, NOBODY_TOLD);
  assertOwner(record, desktop, sourceEpoch, 'switchover');
  // From the release on this host must be able to take the desktop back, whoever fills its disk meanwhile.
  await ctx.ownership.keepRoom(desktop, CHANGES_OF_A_MOVE);
  pulse('telling the clients');
  const clients = await ctx.network.prepareClients(request, PREPARE_CLIENTS_MS);
  let result: SwitchoverResult | null = null;
  try {
    await peer.expect(request, request, await ctx.network.exportState(desktop));
    result = await bringOver(ctx, request, peer, pulse);
    // Temporal has given this attempt up, or the operator has cancelled: whoever comes next finds the source running.
    pulse.signal.throwIfAborted();
    await ctx.ownership.change(desktop, (r) =>
      release(r, desktop, epoch, request.peer.host, ctx.now(), sourceEpoch),
    );
  } catch (error) {
    // The release may have been written although writing it failed: the record says whose turn it is.
    if (!isReleasedTo(await readUntilKnown(ctx, request, pulse), epoch, request.peer.host)) {
      await undo(ctx, request);
      if (pulse.signal.aborted) throw error;
      // Rolled back: whether to try again is the workflow's decision, not the retry policy's.
      const code = isVmshadowError(error) ? error.code : 'INTERNAL';
      throw new VmshadowError(code, messageOf(error), { cause: error, retryable: false });
    }
  }
  pulse('committing');
  return finish(ctx, request, await decide(ctx, peer, request, pulse), result, clients);
}

/**
 * Read the record until it can be read and would outlast a power cut: until then nobody may be resumed, nor asked for a decision. Only the
 * end of this process ends the trying.
 */
async function readUntilKnown(
  ctx: HostContext,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<OwnershipRecord | null> {
  for (;;) {
    try {
      return await ctx.ownership.get(request.desktop);
    } catch (error) {
      pulse(`waiting for the ownership record of ${request.desktop}: ${messageOf(error).slice(0, 200)}`);
      await ctx.wait(ASK_AGAIN_MS);
    }
  }
}

async function bringOver(
  ctx: HostContext,
  request: SwitchoverRequest,
  peer: PeerHost,
  pulse: Pulse,
): Promise<SwitchoverResult> {
  const stopWatch = ctx.watchLink(request, peer);
  let holding: Promise<void> = Promise.resolve();
  try {
    pulse('pausing');
    const onStopped = () => {
      holding = ctx.network.hold(request.desktop);
      // Its failure is looked at below; here it must not become an unhandled rejection.
      holding.catch(() => undefined);
    };
    const result = await ctx.hypervisor.switchover(request, request.pauseBudgetMs, onStopped, pulse.signal);
    await holding;
    await peer.confirm(request);
    return result;
  } finally {
    stopWatch();
    // An undo must not release what is only about to be held.
    await holding.catch(() => undefined);
  }
}

/** The source owns the desktop: it goes on, with everything undone. Each step is tried even when an earlier one failed. */
async function undo(ctx: HostContext, request: SwitchoverRequest): Promise<void> {
  const steps: [string, () => Promise<unknown>][] = [
    ['resume the source', () => ctx.hypervisor.cancelMemoryCopy(request)],
    ['release held packets', () => ctx.network.releaseHere(request.desktop)],
    ['tell the clients', () => ctx.network.abortClients(request)],
    ['give back kept room', () => ctx.ownership.dropRoom(request.desktop)],
  ];
  for (const [what, step] of steps)
    await step().catch((error: unknown) => {
      ctx.logger.error(
        { desktop: request.desktop, moveId: request.moveId, error: messageOf(error) },
        `roll-back: could not ${what}`,
      );
    });
  setClockSoon(ctx, request.desktop);
}

/** Ask until the target has decided; both copies stay still meanwhile. Only the end of this process ends the asking. */
async function decide(
  ctx: HostContext,
  peer: PeerHost,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<CommitAnswer> {
  pulse('asking the target for its decision');
  for (;;) {
    try {
      return await peer.commit(request, { snapshot: request.snapshot });
    } catch (error) {
      pulse(`waiting for ${hostKey(request.peer.host)} to decide: ${messageOf(error).slice(0, 200)}`);
      await ctx.wait(ASK_AGAIN_MS);
    }
  }
}

async function finish(
  ctx: HostContext,
  request: SwitchoverRequest,
  answer: CommitAnswer,
  result: SwitchoverResult | null,
  clients: { prepared: number; silent: number },
): Promise<SwitchoverDone> {
  if (answer.decision === 'refused') return refused(ctx, request);
  const { packets } = await ctx.network.releaseTo(request);
  const switchoverMs = result === null ? 0 : (answer.runningAtMs ?? ctx.now()) - result.stoppedAtMs;
  const done: SwitchoverDone = {
    downtimeMs: result?.downtimeMs ?? 0,
    switchoverMs,
    wireBytes: result?.wireBytes ?? { disk: null, memory: null },
    saved: result?.saved,
    heldPackets: packets,
    clientsPrepared: clients.prepared,
    clientsSilent: clients.silent,
  };
  remember(ctx, request.moveId, done);
  return done;
}

/**
 * Finish what an earlier process left at its release: ask the target once, then forward or take the desktop back. The caller holds the lock
 * and has seen that it is released. Throws HOST_UNREACHABLE with everything as it was.
 */
export async function finishReleased(
  ctx: HostContext,
  request: Omit<SwitchoverRequest, 'pauseBudgetMs' | 'snapshot'>,
): Promise<void> {
  const whole = { ...request, pauseBudgetMs: 0, snapshot: false };
  const peer = ctx.peers.connect(request.peer.host, request.peer.endpoint);
  const answer = await peer.commit(whole, { snapshot: false });
  try {
    await finish(ctx, whole, answer, null, NOBODY_TOLD);
  } catch (error) {
    // Taken back, and running here: that is finished, too.
    if (!hasCode(error, 'PEER_REFUSED')) throw error;
  }
}

/** The target's word is that it will never run its copy: take the desktop back and let it run. */
async function refused(ctx: HostContext, request: SwitchoverRequest): Promise<never> {
  await ctx.ownership.change(request.desktop, (r) => reclaim(r, request.desktop, request.epoch, ctx.now()));
  await undo(ctx, request);
  await letRun(ctx, request.desktop);
  throw new VmshadowError(
    'PEER_REFUSED',
    `${hostKey(request.peer.host)} could not run its copy of ${request.desktop} and refused it durably; the desktop runs on at ${hostKey(ctx.self)}. Look at the target's log, then retry the move.`,
  );
}

/** Let the waiting copy run; where it has died meanwhile (a power cut) the desktop starts from its disk, here or a little later by dom0's keeper. */
async function letRun(ctx: HostContext, desktop: DesktopId): Promise<void> {
  try {
    await ctx.hypervisor.resume(desktop);
  } catch (error) {
    if (!hasCode(error, 'DESKTOP_DOWN')) throw error;
    const runtime = await ctx.hypervisor.get(desktop);
    if (runtime !== null) await startHere(ctx, runtime.definition);
  }
}

/** The figures of the last switchovers of a host, for an attempt that comes when another has done it all. */
const FINISHED = new WeakMap<HostContext, Map<string, SwitchoverDone>>();
const REMEMBERED = 100;

function finishedOf(ctx: HostContext): Map<string, SwitchoverDone> {
  const known = FINISHED.get(ctx) ?? new Map<string, SwitchoverDone>();
  FINISHED.set(ctx, known);
  return known;
}

function remember(ctx: HostContext, moveId: string, done: SwitchoverDone): void {
  const known = finishedOf(ctx);
  known.set(moveId, done);
  const oldest = known.keys().next().value;
  if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
}
