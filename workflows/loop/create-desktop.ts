// A new desktop: the loop chooses the host and an internal address that nobody has, and holds both until its workflow says how it ended.
import { condition, ParentClosePolicy, patched, startChild } from '@temporalio/workflow';
import { errorCodeOf, VmshadowError } from '../../domain/errors.js';
import { DesktopDefinition, withAddress } from '../../domain/model/desktop.js';
import { hostKey } from '../../domain/model/ids.js';
import { allocateInternal } from '../../domain/model/internal-address.js';
import type { Creating } from '../../temporal/contract/carried.js';
import type { CreateDesktopWorkflow, CreateEnded } from '../../temporal/contract/create.js';
import { ATTRIBUTE, CONTROL_QUEUE, createId, WORKFLOW } from '../../temporal/contract/names.js';
import type { CreateDesktop, DesktopCreated } from '../../temporal/contract/requests.js';
import { control } from '../control-proxy.js';
import { ctl } from '../host-proxies.js';
import { collect } from './collect.js';
import { cpuAsked, givesCpu, mustGiveCpu } from './cpu-choice.js';
import { assertNotDraining } from './drain.js';
import { knownSite, roomAt } from './find-room.js';
import { assertNotClosed } from './windows.js';
import type { LoopState } from './loop-state.js';

/** A run of the loop cannot end while somebody waits: what takes longer is followed by its own workflow. */
const WAIT_MS = 60_000;

/** Make a desktop at a site; the loop chooses the host and the internal address. */
export async function createDesktop(state: LoopState, ask: CreateDesktop): Promise<DesktopCreated> {
  await collect(state, false);
  const exists = state.find(ask.id);
  if (state.creating.has(ask.id))
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} is being created right now`);
  if (exists !== null)
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} exists already, at ${hostKey(exists.host)}`);
  knownSite(state, ask.site);
  assertNotClosed(state, ask.site, ask.host);
  assertNotDraining(state, ask.site, ask.host);
  const silent = state.hosts().filter((h) => !state.isAlive(h));
  if (silent.length > 0 && state.reports.size < state.hosts().length)
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `${silent.map(hostKey).join(', ')} never answered: a free internal address cannot be chosen safely. Start \`vmshadow dom0\` there, or take it out of vmshadow.yaml.`,
    );
  const cpu = cpuAsked(state, ask.cpu);
  const host = roomAt(state, ask.site, ask.host, ask, null, (h) => !givesCpu(state, h, cpu));
  mustGiveCpu(state, host, cpu);
  const reported = [...state.reports.values()].flatMap((r) =>
    r.desktops.map((d) => d.definition.network.address),
  );
  const network = allocateInternal(state.cloud.internalRange, [
    ...reported,
    ...[...state.creating.values()].map((c) => c.address),
  ]);
  const { vcpus, memoryMiB, diskMiB } = ask;
  const creating = {
    workflowId: createId(ask.id),
    desktop: ask.id,
    host,
    startedAtMs: Date.now(),
    address: network.address,
    vcpus,
    memoryMiB,
    diskMiB,
  };
  state.creating.set(ask.id, creating);
  try {
    const definition = DesktopDefinition.parse({
      ...ask,
      cpu,
      boot: withAddress(ask.boot, network),
      network,
    });
    if (!patched('create-in-its-own-workflow')) return await createAtOnce(state, ask, definition, creating);
    // It may have ended before anybody gets to wait for it.
    if (ask.wait) state.awaited.set(ask.id, null);
    await begin(state, ask, definition, creating);
  } catch (error) {
    state.creating.delete(ask.id);
    state.awaited.delete(ask.id);
    throw error;
  }
  const answer = {
    workflowId: creating.workflowId,
    desktop: ask.id,
    host,
    internal: network.address,
    external: '',
    remoteDesktopPort: ask.remoteDesktopPort,
  };
  return ask.wait ? { ...answer, external: await untilMade(state, creating) } : answer;
}

/** As releases before did it, for runs that they began: within two minutes, or not at all. */
async function createAtOnce(
  state: LoopState,
  { image, clients, start }: CreateDesktop,
  definition: DesktopDefinition,
  { host }: Creating,
): Promise<DesktopCreated> {
  try {
    const { external } = await ctl(host).createDesktop({ definition, image, clients, start });
    await collect(state, false, [host]);
    const { id, network, remoteDesktopPort } = definition;
    return { desktop: id, host, internal: network.address, external, remoteDesktopPort };
  } finally {
    state.creating.delete(definition.id);
  }
}

async function begin(
  state: LoopState,
  { image, clients, start }: CreateDesktop,
  definition: DesktopDefinition,
  { workflowId, host }: Creating,
): Promise<void> {
  try {
    await startChild<CreateDesktopWorkflow>(WORKFLOW.createDesktop, {
      workflowId,
      args: [{ pool: state.cloud.pool, host, definition, image, clients, start }],
      taskQueue: CONTROL_QUEUE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${definition.id} at ${hostKey(host)}`,
      typedSearchAttributes: [
        { key: ATTRIBUTE.desktop, value: definition.id },
        { key: ATTRIBUTE.to, value: hostKey(host) },
        { key: ATTRIBUTE.outcome, value: 'running' },
      ],
    });
  } catch (error) {
    if ((error as { name?: unknown }).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
    throw new VmshadowError(
      'ALREADY_EXISTS',
      `desktop ${definition.id} is being created, or removed after a failed creation, right now (${workflowId})`,
    );
  }
}

/** Wait until a creation has ended; gives the external address, throws why there is none, or that it goes on. */
async function untilMade(state: LoopState, { desktop, host, workflowId }: Creating): Promise<string> {
  await condition(() => !state.creating.has(desktop), WAIT_MS);
  const ended = state.awaited.get(desktop) ?? null;
  state.awaited.delete(desktop);
  if (ended === null)
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${desktop} is still being made at ${hostKey(host)} (workflow ${workflowId}) and goes on: \`vmshadow status\` shows it, \`vmshadow cancel ${desktop}\` ends it`,
    );
  if (ended.outcome !== 'made' || ended.external === null)
    throw new VmshadowError(
      errorCodeOf(ended.error?.code),
      ended.error?.message ?? `desktop ${desktop} was not made`,
    );
  await collect(state, false, [host]);
  return ended.external;
}

/** Take in how a creation ended; a cycle looks at the new desktop at once. */
export function endCreate(state: LoopState, ended: CreateEnded): void {
  if (!state.creating.delete(ended.desktop)) return;
  if (state.awaited.has(ended.desktop)) state.awaited.set(ended.desktop, ended);
  if (ended.outcome === 'made') state.askCycle({ act: false, cause: 'loop' });
}

/** Free what is held for creations whose workflow was terminated: it could not say that it ended. Its host keeps the room until the id is made there again. */
export async function forgetTerminatedCreations(state: LoopState): Promise<void> {
  const creations = [...state.creating.values()];
  if (creations.length === 0 || !patched('create-in-its-own-workflow')) return;
  const ended = new Set(await control.endedWorkflows(creations.map((c) => c.workflowId)));
  for (const creating of creations)
    if (ended.has(creating.workflowId) && state.creating.get(creating.desktop) === creating)
      state.creating.delete(creating.desktop);
}
