// The switchover, source side: ONE activity, dom0 to dom0, with no Temporal round trip while the guest stands still.
//
//   1 tell the clients, arm the target   2 pause, last round, finish the disk   3 target confirms: complete and paused
//   4 `released(epoch)` here, durable    5 `owner(epoch)` there, durable; it runs   6 forward held and late packets
//
// Before 4 any failure resumes the source. After 5 only forward. Between, the target's word decides (and is asked for until it comes).
// Called again after a crash, it finds from the ownership record where it was.
import { setTimeout as sleep } from 'node:timers/promises';
import { isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import { assertOwner, reclaim, release } from '../../domain/migration/ownership.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import type { HostContext } from '../host/host-context.js';
import type { AddressChange } from '../../ports/desktop-network.js';
import type { SwitchoverResult } from '../../ports/hypervisor.js';
import type { CommitAnswer, SwitchoverKey, PeerAddress, PeerHost } from '../../ports/peers.js';

export interface SwitchoverRequest {
  readonly desktop: DesktopId;
  readonly moveId: string;
  /** The epoch that the target will own: the source's present one + 1. */
  readonly epoch: number;
  readonly peer: PeerAddress;
  readonly oldExternal: string;
  readonly newExternal: string;
  readonly targetKey: string;
  readonly pauseBudgetMs: number;
  readonly snapshot: boolean;
}

export interface SwitchoverDone {
  readonly hypervisorPauseMs: number;
  /** From the guest's stop here to its run there by the two hosts' clocks, and by this host's clock alone (to the answer). */
  readonly wallPauseMs: number;
  readonly memoryBytes: number;
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
/** How often the target is asked for its decision while it cannot be reached. */
const ASK_AGAIN_MS = 500;

/** Run the switchover to its end: moved, or thrown with the source running. */
export async function switchover(
  ctx: HostContext,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<SwitchoverDone> {
  const key: SwitchoverKey = request;
  const peer = ctx.peers.connect(request.peer.host, request.peer.endpoint);
  const record = await ctx.ownership.read(request.desktop);
  if (record?.state === 'released' && record.epoch === request.epoch) {
    pulse('asking the target for its decision');
    return finish(ctx, request, await decide(peer, key, request, pulse), null, { prepared: 0, silent: 0 });
  }
  assertOwner(record, request.desktop, request.epoch - 1, 'switchover');
  const change: AddressChange = request;
  pulse('telling the clients');
  const clients = await ctx.network.prepareClients(change, PREPARE_CLIENTS_MS);
  let result: SwitchoverResult;
  try {
    await peer.expect(key, change, await ctx.network.exportState(request.desktop));
    result = await bringOver(ctx, request, peer, pulse);
    await ctx.ownership.change(request.desktop, (r) =>
      release(r, request.desktop, request.epoch, request.peer.host, ctx.now()),
    );
  } catch (error) {
    await undo(ctx, request);
    // Rolled back: whether to try again is the workflow's decision, not the retry policy's.
    const code = isVmshadowError(error) ? error.code : 'INTERNAL';
    throw new VmshadowError(code, messageOf(error), { cause: error, retryable: false });
  }
  pulse('committing');
  return finish(ctx, request, await decide(peer, key, request, pulse), result, clients);
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
  }
}

/** Before the release: the source goes on, with everything undone. Each step is tried even when an earlier one failed. */
async function undo(ctx: HostContext, request: SwitchoverRequest): Promise<void> {
  const steps: [string, () => Promise<unknown>][] = [
    ['resume the source', () => ctx.hypervisor.cancelMemoryCopy(request)],
    ['release held packets', () => ctx.network.releaseHere(request.desktop)],
    ['tell the clients', () => ctx.network.abortClients(request)],
  ];
  for (const [what, step] of steps)
    await step().catch((error: unknown) => {
      ctx.logger.error(
        { desktop: request.desktop, moveId: request.moveId, error: messageOf(error) },
        `roll-back: could not ${what}`,
      );
    });
}

/** Ask until the target has decided; both copies stay still meanwhile. Only the end of this process ends the asking. */
async function decide(
  peer: PeerHost,
  key: SwitchoverKey,
  request: SwitchoverRequest,
  pulse: Pulse,
): Promise<CommitAnswer> {
  for (;;) {
    try {
      return await peer.commit(key, { snapshot: request.snapshot });
    } catch (error) {
      pulse(`waiting for ${hostKey(request.peer.host)} to decide: ${messageOf(error).slice(0, 200)}`);
      await sleep(ASK_AGAIN_MS);
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
  if (answer.decision === 'refused') {
    await ctx.ownership.change(request.desktop, (r) => reclaim(r, request.desktop, request.epoch, ctx.now()));
    await undo(ctx, request);
    await ctx.hypervisor.resume(request.desktop);
    throw new VmshadowError(
      'PEER_REFUSED',
      `${hostKey(request.peer.host)} could not run its copy of ${request.desktop} and refused it durably; the desktop runs on at ${hostKey(ctx.self)}. Look at the target's log, then retry the move.`,
    );
  }
  const { packets } = await ctx.network.releaseTo(request);
  const wallPauseMs = result === null ? 0 : (answer.runningAtMs ?? ctx.now()) - result.stoppedAtMs;
  return {
    hypervisorPauseMs: result?.hypervisorPauseMs ?? 0,
    wallPauseMs,
    memoryBytes: result?.memoryBytes ?? 0,
    heldPackets: packets,
    clientsPrepared: clients.prepared,
    clientsSilent: clients.silent,
  };
}
