// Makes a desktop of this host: capacity, disk, tap, addresses, in that order, each of which a second attempt finds again. Copying a large
// image takes long: it is told how far it is, ends when it is cancelled, and what is not finished is removed by who comes next.
import { hasCode, VmshadowError } from '../../domain/errors.js';
import { createdHere, remove } from '../../domain/migration/ownership.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import type { CreateProgress } from '../../temporal/contract/create.js';
import type { HostContext } from './host-context.js';
import type { CreateDesktop, CreationRef, MakeDesktop } from './inputs.js';
import { whileBeating, type Beating } from './progress-reporter.js';

/** What became of a creation: the desktop's address where it was made after all. */
export interface CreationEnded {
  readonly made: { readonly external: string } | null;
}

interface Watch {
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

type Reporter = Beating<CreateProgress>;

/** Make the activities that make a desktop. */
export function creationActivities(ctx: HostContext, reporter: () => Reporter) {
  return {
    /** As a loop of a release before asks for it: without progress, within two minutes. */
    async createDesktop(request: CreateDesktop): Promise<{ external: string }> {
      return ctx.locks.run(request.definition.id, 'its creation', async () => {
        await assertNotComing(ctx, request.definition.id);
        return claimAndMake(ctx, request, {});
      });
    },

    /** Make a desktop and start it if asked. The same creation again: begins the copy anew, or goes on behind it. */
    makeDesktop(request: MakeDesktop): Promise<{ external: string }> {
      const report = reporter();
      const { creation, definition } = request;
      const { id } = definition;
      return whileBeating(report, (signal) =>
        ctx.locks.run(
          id,
          'its creation',
          async () => {
            await begin(ctx, request);
            const external = await claimAndMake(ctx, request, {
              signal,
              onProgress: (doneBytes, totalBytes) => void report({ doneBytes, totalBytes }),
            });
            await ctx.creations.put(id, { creation, definition, atMs: ctx.now(), made: true });
            return external;
          },
          { signal },
        ),
      );
    },

    /** The workflow knows that its desktop was made. */
    async settleCreation({ desktop, creation }: CreationRef): Promise<void> {
      await ctx.locks.run(desktop, 'the end of its creation', async () => {
        if ((await ctx.creations.get(desktop))?.creation === creation) await ctx.creations.remove(desktop);
      });
    },

    /** Remove all that a creation has made here, unless it was finished; asked again, it does what is left. */
    async discardCreation({ desktop, creation }: CreationRef): Promise<CreationEnded> {
      return ctx.locks.run(desktop, 'the end of its creation', async () => {
        const record = await ctx.creations.get(desktop);
        if (record?.creation !== creation) return { made: null };
        const external = record.made ? await ctx.network.externalOf(desktop) : null;
        if (external === null) await undo(ctx, desktop);
        await ctx.creations.remove(desktop);
        return { made: external === null ? null : { external } };
      });
    },
  };
}

/** Note that the creation begins. What one before has left (its workflow was terminated) is removed; a desktop that is here is not. */
async function begin(ctx: HostContext, { creation, definition }: MakeDesktop): Promise<void> {
  const { id } = definition;
  await assertNotComing(ctx, id);
  const before = await ctx.creations.get(id);
  if (before?.creation === creation) return;
  if (before !== null && !before.made) await undo(ctx, id);
  if ((await ctx.hypervisor.get(id)) !== null)
    throw new VmshadowError(
      'ALREADY_EXISTS',
      `${hostKey(ctx.self)} has a desktop ${id} already; remove it or choose another id`,
    );
  await ctx.creations.put(id, { creation, definition, atMs: ctx.now(), made: false });
}

/** Remove a desktop that is half made. The record of its owner goes last: who is cut off here still finds what to do. */
async function undo(ctx: HostContext, desktop: DesktopId): Promise<void> {
  const { hypervisor, network, ownership } = ctx;
  if ((await hypervisor.get(desktop)) !== null) await hypervisor.stop(desktop, 0);
  await hypervisor.remove(desktop);
  await network.detach(desktop);
  if ((await ownership.get(desktop))?.state === 'owner')
    await ownership.change(desktop, (r) => remove(r, desktop, ctx.now()));
}

async function claimAndMake(
  ctx: HostContext,
  request: CreateDesktop,
  watch: Watch,
): Promise<{ external: string }> {
  const { definition } = request;
  const external = await ctx.capacityGate.claim(definition, () => make(ctx, request, watch));
  watch.signal?.throwIfAborted();
  if (request.start) await ctx.hypervisor.start(definition.id);
  return { external };
}

async function make(
  ctx: HostContext,
  { definition, image, clients }: CreateDesktop,
  watch: Watch,
): Promise<string> {
  const tap = await ctx.network.attach(definition);
  try {
    await ctx.hypervisor.create(definition, tap, image, watch.onProgress, watch.signal);
  } catch (error) {
    if (!hasCode(error, 'ALREADY_EXISTS')) await ctx.network.detach(definition.id);
    throw error;
  }
  await ctx.ownership.change(definition.id, (r) =>
    r?.state === 'owner' ? r : createdHere(r, definition.id, ctx.now()),
  );
  const external = await ctx.network.allocateExternal(definition.id);
  await ctx.network.enroll(definition.id, clients);
  await ctx.network.activate(definition);
  return external;
}

/** Throw MOVE_IN_PROGRESS when a desktop of this id is on its way to here: its address, tap and files are spoken for. */
export async function assertNotComing(ctx: HostContext, desktop: DesktopId): Promise<void> {
  const coming = (await ctx.reservations.list()).find((r) => r.definition.id === desktop);
  if (coming !== undefined)
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `a desktop ${desktop} is being moved to ${hostKey(ctx.self)} (${coming.moveId}): wait until that has ended, or choose another name`,
    );
}
