// A host's ordinary life: report, start, stop, remove. What the shadow loop collects each cycle comes from here.
import { VmshadowError } from '../../domain/errors.js';
import { remove } from '../../domain/migration/ownership.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { changesOf, editedDefinition } from '../../domain/model/desktop-edit.js';
import { TPM_LOST } from '../../domain/model/hardware.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import { quietNote } from '../../domain/model/quiet.js';
import { hasRoomToGoOn, outOfSpace, type MachineResources } from '../../domain/model/real-room.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import type { DesktopRuntime } from '../../ports/hypervisor.js';
import { MAX_NOTES, type DesktopReport, type HostReport } from '../../temporal/contract/host-report.js';
import { assertNotComing } from './creation.js';
import { DirtyRateKeeper } from './dirty-rate-keeper.js';
import { AddressKeeper, setClockSoon } from './guest-agents.js';
import type { HostContext } from './host-context.js';
import { startHere } from './start-here.js';
import type { DesktopPower, EditDesktop, EnrollClients, RemoveDesktop, ReportHost } from './inputs.js';

/** A guest that ignores the power button is stopped by force after this time. */
const STOP_GRACE_MS = 20_000;

const COMMAND_WAIT_MS = 10_000;

/** QEMU may be upgraded under a dom0 that runs. */
const INFO_FRESH_MS = 600_000;
/** Asking costs four processes: one that has not answered is not asked each cycle. */
const INFO_AGAIN_MS = 60_000;

/** The host's hypervisor, and what it can give of its processor; asked now and then, and left out where it does not say. */
function hypervisorOf(ctx: HostContext): () => Promise<Pick<HostReport, 'hypervisor' | 'cpu'>> {
  let known: { told: Pick<HostReport, 'hypervisor' | 'cpu'>; untilMs: number } | null = null;
  return async () => {
    if (known === null || ctx.now() > known.untilMs) {
      const info = await ctx.hypervisor.info().catch(() => null);
      const told = {
        ...(info === null ? {} : { hypervisor: info.driver }),
        ...(info?.cpu === undefined ? {} : { cpu: info.cpu }),
      };
      known = { told, untilMs: ctx.now() + (told.cpu === undefined ? INFO_AGAIN_MS : INFO_FRESH_MS) };
    }
    return known.told;
  };
}

/** Make the activities of a host's ordinary life. */
export function desktopActivities(ctx: HostContext) {
  const dirtyRates = new DirtyRateKeeper();
  const addresses = new AddressKeeper();
  const startedAtMs = ctx.now();
  const hypervisor = hypervisorOf(ctx);
  const owned = async (desktop: DesktopId): Promise<DesktopDefinition> => {
    const record = await ctx.ownership.get(desktop);
    const runtime = await ctx.hypervisor.get(desktop);
    if (record?.state !== 'owner' || runtime === null)
      throw new VmshadowError('NOT_OWNER', `desktop ${desktop} does not belong to ${hostKey(ctx.self)}`);
    return runtime.definition;
  };

  /** A command of an operator is answered soon: what a move holds is not waited for long. */
  const locked = (desktop: DesktopId, what: string, work: () => Promise<void>): Promise<void> =>
    ctx.locks.run(desktop, what, work, { waitMs: COMMAND_WAIT_MS });

  return {
    /**
     * Report capacity, desktops and what is known of their users; with `traffic`, also the rank of each by what it carried since the
     * last such report, by the policy that the loop has in force.
     */
    async reportHost({ traffic, fingerprint }: ReportHost): Promise<HostReport> {
      followPolicy(ctx, fingerprint);
      const { desktops, used, capacity, resources } = await ctx.capacityGate.inventory();
      const [windows, users, notes, relayed] = await Promise.all([
        traffic ? ctx.traffic.collect(ctx.fingerprints.policy, desktops) : [],
        ctx.network.userEndpoints(),
        ctx.network.notes(),
        ctx.network.relayed(),
      ]);
      const reports = await Promise.all(
        desktops.map(async (runtime): Promise<DesktopReport | null> => {
          const { definition, state, diskUsedBytes } = runtime;
          const record = await ctx.ownership.get(definition.id);
          if (record?.state !== 'owner') return null;
          // A command that only looks begins no measurement.
          if (traffic && state === 'running') await dirtyRates.measure(ctx.hypervisor, definition.id);
          const told = addresses.of(ctx, runtime);
          const overOldSites = relayed.filter((r) => r.desktop === definition.id);
          return {
            definition,
            state,
            epoch: record.epoch,
            external: await ctx.network.externalOf(definition.id),
            diskUsedBytes,
            dirty: dirtyRates.known(definition.id),
            problem: problemOf(ctx, runtime, resources),
            ...(told === null ? {} : { addresses: [...told] }),
            ...(overOldSites.length === 0
              ? {}
              : {
                  relayed: overOldSites.map(({ oldExternal, connections, rttMs }) => ({
                    oldExternal,
                    connections,
                    rttMs,
                  })),
                }),
          };
        }),
      );
      const owned = reports.filter((r) => r !== null);
      const ids = new Set(owned.map((d) => d.definition.id));
      dirtyRates.keepOnly(ids);
      addresses.keepOnly(ids);
      const rttHere = new Map<string, number | undefined>(
        users.map((u) => [u.desktop, u.rtts.find((r) => r.site === ctx.self.site)?.rttMs]),
      );
      return {
        host: ctx.self,
        atMs: ctx.now(),
        startedAtMs,
        capacity,
        used,
        notes: notes.slice(0, MAX_NOTES),
        ...(await hypervisor()),
        certificateDaysLeft: ctx.certificateDaysLeft(),
        desktops: owned,
        fingerprints: ctx.fingerprints.rank(windows, ids, (d) => rttHere.get(d)),
        users,
      };
    },

    /** Let more clients speak for a desktop's users. */
    async enrollClients({ desktop, clients }: EnrollClients): Promise<void> {
      await locked(desktop, 'enrolling clients', async () => {
        await owned(desktop);
        await ctx.network.enroll(desktop, clients);
      });
    },

    async desktopPower({ desktop, action }: DesktopPower): Promise<void> {
      await locked(desktop, action === 'stop' ? 'stopping' : 'starting', async () => {
        const definition = await owned(desktop);
        await ctx.power.forget(desktop);
        if (action === 'stop') return ctx.hypervisor.stop(desktop, STOP_GRACE_MS);
        await startHere(ctx, definition);
        await assertGoesOn(ctx, desktop);
      });
    },

    /** Make a desktop that does not run what a document says, from its next start on; gives what differs. */
    async editDesktop({ desktop, document }: EditDesktop): Promise<string[]> {
      return ctx.locks.run(
        desktop,
        'editing',
        async () => {
          const current = await owned(desktop);
          const edited = editedDefinition(current, document);
          const redefine = () => ctx.hypervisor.redefine(edited);
          const grows = edited.vcpus > current.vcpus || edited.memoryMiB > current.memoryMiB;
          await (grows ? ctx.capacityGate.claim(edited, redefine) : redefine());
          return changesOf(current, edited);
        },
        { waitMs: COMMAND_WAIT_MS },
      );
    },

    /** Remove a desktop that does not run, with its disk, tap and addresses, for ever. Again: goes on with what is left. */
    async removeDesktop({ desktop }: RemoveDesktop): Promise<void> {
      await locked(desktop, 'removal', async () => {
        await assertNotComing(ctx, desktop);
        const record = await ctx.ownership.get(desktop);
        if (record?.state === 'removed') return;
        if (record?.state !== 'owner')
          throw new VmshadowError('NOT_OWNER', `desktop ${desktop} does not belong to ${hostKey(ctx.self)}`);
        await ctx.hypervisor.remove(desktop);
        await ctx.power.forget(desktop);
        await ctx.network.detach(desktop);
        // The record last: an attempt that was cut off is followed by one that still finds its desktop.
        await ctx.creations.remove(desktop);
        await ctx.ownership.change(desktop, (r) => remove(r, desktop, ctx.now()));
      });
    },
  };
}

/** What an operator should know of a desktop, the most pressing alone. */
function problemOf(
  ctx: HostContext,
  { definition, state, quiet, tpmLost }: DesktopRuntime,
  resources: MachineResources,
): string | null {
  if (state === 'out-of-space') return outOfSpace(resources);
  if (tpmLost === true) return TPM_LOST;
  return ctx.power.noteOf(definition.id) ?? (quiet === undefined ? null : quietNote(quiet));
}

/** After a start: throw OUT_OF_SPACE or MOVE_IN_PROGRESS, with what to do, where its guest does not run all the same. */
async function assertGoesOn(ctx: HostContext, desktop: DesktopId): Promise<void> {
  if ((await ctx.hypervisor.get(desktop))?.state === 'out-of-space') {
    const resources = await ctx.hypervisor.resources();
    if (hasRoomToGoOn(resources)) {
      await ctx.hypervisor.resume(desktop);
      setClockSoon(ctx, desktop);
    } else
      throw new VmshadowError(
        'OUT_OF_SPACE',
        `desktop ${desktop} has a process but stands still: ${outOfSpace(resources)}.`,
      );
  }
  const state = (await ctx.hypervisor.get(desktop))?.state;
  if (state === 'paused' || state === 'postmigrate')
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${desktop} has a process but stands still (${state}), as in the pause of a move: look at \`vmshadow status\`, then try again, or stop it first`,
    );
}

/** A manager of another release may send another shape: that is no reason to go without a report. */
function followPolicy(ctx: HostContext, raw: unknown): void {
  if (raw === undefined) return;
  const { data, error } = FingerprintPolicy.safeParse(raw);
  if (data !== undefined) ctx.fingerprints.follow(data);
  else
    ctx.logger.warn(
      { problems: error.issues.map((i) => `${i.path.join('.')}: ${i.message}`) },
      'the fingerprint policy cannot be read and the last one stays in force: do manager and dom0 have the same release?',
    );
}
