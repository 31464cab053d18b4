// What operators ask of the loop by update: move, create, start, stop, plan, policy. Validators check the shape (sync, no effect); the
// handlers look at fresh reports, and refuse with one clear error before anything is changed.
import { condition } from '@temporalio/workflow';
import { VmshadowError } from '../../domain/errors.js';
import { chooseHost } from '../../domain/migration/choose-host.js';
import { usedBy } from '../../domain/model/capacity.js';
import { DesktopDefinition, type Boot, type InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import { allocateInternal } from '../../domain/model/internal-address.js';
import { withNewNames } from '../../domain/model/old-names.js';
import { parseInput } from '../../domain/model/parse.js';
import { Policy } from '../../domain/model/policy.js';
import type { PlanResult } from '../../domain/placement/request/model.js';
import {
  CreateDesktop,
  DesktopPower,
  EnrollClients,
  PlanAsk,
  RequestMove,
  type DesktopCreated,
} from '../../temporal/contract/messages.js';
import { ctl } from '../host-proxies.js';
import { collect } from './collect.js';
import type { LoopState } from './loop-state.js';
import { planMoves, moveInProgress, startMove } from './moves.js';

/** Move a desktop to a site, now. */
export async function requestMove(
  state: LoopState,
  raw: unknown,
): Promise<{ workflowId: string; to: HostRef }> {
  const ask = parseInput(RequestMove, raw, 'requestMove');
  await collect(state, false);
  const found = knownDesktop(state, ask.desktop);
  const site = state.cloud.sites.find((s) => s.id === ask.site);
  if (site === undefined)
    throw new VmshadowError(
      'UNKNOWN_SITE',
      `there is no site ${ask.site}; the sites are ${state.cloud.sites.map((s) => s.id).join(', ')}`,
    );
  if (ask.host !== undefined && !site.hosts.some((h) => h.id === ask.host))
    throw new VmshadowError(
      'UNKNOWN_SITE',
      `site ${ask.site} has no host ${ask.host}; its hosts are ${site.hosts.map((h) => h.id).join(', ')}`,
    );
  if (found.host.site === ask.site && (ask.host === undefined || ask.host === found.host.host))
    throw new VmshadowError('ALREADY_THERE', `desktop ${ask.desktop} is already at ${hostKey(found.host)}`);
  const lockedUntil = state.lockedUntilMs.get(ask.desktop) ?? 0;
  if (!ask.force && lockedUntil > Date.now())
    throw new VmshadowError(
      'HYSTERESIS',
      `desktop ${ask.desktop} was moved a short while ago and stays put for another ${String(Math.ceil((lockedUntil - Date.now()) / 1000))} s; use --force to move it all the same`,
    );
  if (state.moves.has(ask.desktop)) throw moveInProgress(ask.desktop);
  const to = roomAt(state, ask.site, ask.host, found.report.definition, found.host);
  const rtts = state.users.get(ask.desktop)?.rtts ?? {};
  const workflowId = await startMove(state, {
    desktop: ask.desktop,
    from: found.host,
    to,
    cause: 'operator',
    reason: 'an operator asked for it',
    parking: false,
    rttBeforeMs: rtts[found.host.site] ?? null,
    rttAfterMs: rtts[to.site] ?? null,
  });
  return { workflowId, to };
}

/** Make a desktop at a site; the loop chooses the host and the internal address. */
export async function createDesktop(state: LoopState, raw: unknown): Promise<DesktopCreated> {
  const ask = parseInput(CreateDesktop, raw, 'createDesktop');
  await collect(state, false);
  const exists = state.find(ask.id);
  if (state.creating.has(ask.id))
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} is being created right now`);
  if (exists !== null)
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} exists already, at ${hostKey(exists.host)}`);
  if (!state.cloud.sites.some((s) => s.id === ask.site))
    throw new VmshadowError(
      'UNKNOWN_SITE',
      `there is no site ${ask.site}; the sites are ${state.cloud.sites.map((s) => s.id).join(', ')}`,
    );
  const silent = state.hosts().filter((h) => !state.isAlive(h));
  if (silent.length > 0 && state.reports.size < state.hosts().length)
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `${silent.map(hostKey).join(', ')} never answered: a free internal address cannot be chosen safely. Start \`vmshadow dom0\` there, or take it out of vmshadow.yaml.`,
    );
  const host = roomAt(state, ask.site, ask.host, ask, null);
  const reported = [...state.reports.values()].flatMap((r) =>
    r.desktops.map((d) => d.definition.network.address),
  );
  const network = allocateInternal(state.cloud.internalRange, [
    ...reported,
    ...[...state.creating.values()].map((c) => c.address),
  ]);
  const { vcpus, memoryMiB, diskMiB } = ask;
  state.creating.set(ask.id, { address: network.address, host, vcpus, memoryMiB, diskMiB });
  try {
    const definition = DesktopDefinition.parse({ ...ask, boot: withAddress(ask.boot, network), network });
    const { image, clients, start } = ask;
    const { external } = await ctl(host).createDesktop({ definition, image, clients, start });
    await collect(state, false, [host]);
    return {
      desktop: ask.id,
      host,
      internal: network.address,
      external,
      remoteDesktopPort: definition.remoteDesktopPort,
    };
  } finally {
    state.creating.delete(ask.id);
  }
}

/** A kernel's command line may name the address that only now is known: `{address}` and `{gateway}`. */
function withAddress(boot: Boot, network: InternalNetwork): Boot {
  if (boot.kind !== 'kernel') return boot;
  return {
    ...boot,
    append: boot.append.replaceAll('{address}', network.address).replaceAll('{gateway}', network.gateway),
  };
}

/** Start or stop a desktop where it is. */
export async function desktopPower(state: LoopState, raw: unknown): Promise<void> {
  const ask = parseInput(DesktopPower, raw, 'desktopPower');
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop))
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${ask.desktop} is in a move; cancel it first: \`vmshadow cancel ${ask.desktop}\``,
    );
  await ctl(host).desktopPower(ask);
  await collect(state, false, [host]);
}

/** Let more clients speak for a desktop's users; refused during a move, which carries the clients of its beginning. */
export async function enrollClients(state: LoopState, raw: unknown): Promise<void> {
  const ask = parseInput(EnrollClients, raw, 'enrollClients');
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop))
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${ask.desktop} is in a move; enroll its client when that has ended`,
    );
  await ctl(host).enrollClients(ask);
}

/** Plan on fresh reports without acting. */
export async function askPlan(state: LoopState, raw: unknown): Promise<PlanResult> {
  const ask = parseInput(PlanAsk, raw ?? {}, 'makePlan');
  // Ranks come with the first cycle of a run; without them there is nothing to gain anywhere.
  await condition(() => state.heard);
  await collect(state, false);
  return planMoves(state, ask);
}

/** Merge a partial policy into the one in force; the whole is checked before anything changes. */
export function setPolicy(state: LoopState, raw: unknown): Policy {
  state.policy = parseInput(Policy, merge(state.policy, withNewNames(raw)), 'setPolicy');
  return state.policy;
}

/** Objects are merged key by key; anything else is replaced. Unknown keys are kept, for the schema to refuse. */
export function merge(base: unknown, part: unknown): unknown {
  if (!isRecord(base) || !isRecord(part)) return part;
  const keys = new Set([...Object.keys(base), ...Object.keys(part)]);
  return Object.fromEntries([...keys].map((k) => [k, k in part ? merge(base[k], part[k]) : base[k]]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function knownDesktop(state: LoopState, desktop: DesktopId) {
  const found = state.find(desktop);
  if (found === null) {
    const known = [...state.reports.values()].flatMap((r) => r.desktops.map((d) => d.definition.id));
    throw new VmshadowError(
      'UNKNOWN_DESKTOP',
      `there is no desktop ${desktop}; known are ${known.slice(0, 20).join(', ') || 'none'}`,
    );
  }
  return found;
}

function roomAt(
  state: LoopState,
  site: string,
  host: string | undefined,
  needs: Pick<DesktopDefinition, 'vcpus' | 'memoryMiB' | 'diskMiB'>,
  except: HostRef | null,
): HostRef {
  const under = [...state.moves.values()];
  const rooms = [...state.reports.values()]
    .filter(
      (r) => r.host.site === site && (host === undefined || r.host.host === host) && state.isAlive(r.host),
    )
    .filter((r) => except === null || !sameHost(r.host, except))
    .map((r) => {
      // A move or a desktop that was just begun may not be in the host's report yet.
      const coming = usedBy([
        ...under.filter((m) => sameHost(m.to, r.host) && m.startedAtMs > r.atMs),
        ...[...state.creating.values()].filter((c) => sameHost(c.host, r.host)),
      ]);
      const used = {
        slots: r.used.slots + coming.slots,
        vcpus: r.used.vcpus + coming.vcpus,
        memoryMiB: r.used.memoryMiB + coming.memoryMiB,
        diskMiB: r.used.diskMiB + coming.diskMiB,
      };
      return { host: r.host, capacity: r.capacity, used };
    });
  if (rooms.length === 0) {
    const problems = [...state.problems].map(([h, p]) => `${h}: ${p}`).join('; ');
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `no host of ${site} answers (${problems || 'none is left to choose from'})`,
    );
  }
  const chosen = chooseHost(rooms, needs);
  if ('host' in chosen) return chosen.host;
  throw new VmshadowError('NO_CAPACITY', `site ${site} has no room: ${chosen.lacking.join(' | ')}`);
}
