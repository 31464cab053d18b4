// Makes one desktop at one host. Copying a large image takes hours: the loop goes on meanwhile, and holds the address and the room. The
// workflow's ID keeps a second creation of the id away. A cancel or a failure leaves nothing.
import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { hostKey, moveIdOf } from '../domain/model/ids.js';
import { CREATE, CreateInput, type CreateStatus } from '../temporal/contract/create.js';
import { failedStep, failureInfo } from '../temporal/contract/failures.js';
import { LOOP } from '../temporal/contract/loop.js';
import { ATTRIBUTE, shadowLoopId, WORKFLOW } from '../temporal/contract/names.js';
import { bulk, persistent } from './host-proxies.js';
import { serve, workflowInput } from './serve.js';

/** Make a desktop; resolves with how it ended, also where it was not made. */
export async function createDesktop(raw: unknown): Promise<CreateStatus> {
  const input = workflowInput(CreateInput, raw, WORKFLOW.createDesktop);
  const { definition, host, image, clients, start } = input;
  const ref = { desktop: definition.id, creation: moveIdOf(definition.id, workflowInfo().runId) };
  let status: CreateStatus = {
    desktop: definition.id,
    host,
    outcome: 'running',
    note: image === null ? 'making an empty disk' : `copying ${image}`,
    startedAtMs: Date.now(),
    progress: { doneBytes: 0, totalBytes: 0 },
    internal: definition.network.address,
    external: null,
    remoteDesktopPort: definition.remoteDesktopPort,
    error: null,
  };
  const learn = (part: Partial<CreateStatus>): void => {
    status = { ...status, ...part };
    setCurrentDetails(render(status));
  };
  const making = new CancellationScope();
  serve(CREATE, {
    status: () => status,
    progress: (part) => {
      learn({ progress: { ...status.progress, ...part } });
    },
    cancelCreate: () => {
      if (status.outcome !== 'running') return;
      learn({ note: 'cancelling: removing what was made' });
      making.cancel();
    },
  });
  learn({});
  try {
    const { external } = await making.run(() =>
      bulk(host).makeDesktop({ ...ref, definition, image, clients, start }),
    );
    learn({ outcome: 'made', external, note: start ? 'runs' : 'is ready' });
  } catch (error) {
    learn(await CancellationScope.nonCancellable(() => discard(input, ref, error)));
  }
  await CancellationScope.nonCancellable(async () => {
    upsertSearchAttributes([{ key: ATTRIBUTE.outcome, value: status.outcome }]);
    await getExternalWorkflowHandle(shadowLoopId(input.pool))
      .signal(LOOP.createEnded, {
        desktop: status.desktop,
        outcome: status.outcome === 'running' ? 'failed' : status.outcome,
        external: status.external,
        error: status.error,
      })
      .catch(() => undefined);
    // The loop hears of it first: the host may be away just now.
    if (status.outcome === 'made') await persistent(host).settleCreation(ref);
  });
  return status;
}

/** Remove what there is of the desktop, and say how that ended: it may have been made before the cancel came. */
async function discard(
  { host }: CreateInput,
  ref: { desktop: CreateInput['definition']['id']; creation: string },
  error: unknown,
): Promise<Partial<CreateStatus>> {
  const cancelled = isCancellation(error);
  const why = cancelled ? { code: 'CANCELLED', message: 'cancelled' } : failureInfo(error);
  const ended: Partial<CreateStatus> = {
    outcome: cancelled ? 'cancelled' : 'failed',
    note: 'nothing is left of it',
    error: why,
  };
  try {
    // A host that never took up the task has most likely nothing of it, and may be gone for good.
    const { timedOut } = failedStep(error);
    const { made } = await persistent(host, timedOut ? '30s' : undefined).discardCreation(ref);
    if (made === null) return ended;
    return {
      outcome: 'made',
      external: made.external,
      note: 'was made before it was cancelled',
      error: null,
    };
  } catch (left) {
    const message = `${why.message} (what it may have made at ${hostKey(host)} could not be removed: ${failureInfo(left).message}; the next creation of the id there does it)`;
    return { ...ended, note: 'something may be left of it', error: { ...why, message } };
  }
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Render a creation for the UI's "current details", in Markdown. */
function render({ desktop, host, outcome, note, progress, error }: CreateStatus): string {
  const copied = progress.totalBytes > 0 ? `, ${mb(progress.doneBytes)} of ${mb(progress.totalBytes)}` : '';
  return [
    `**${desktop}** at ${hostKey(host)}: ${outcome === 'running' ? `${note}${copied}` : `${outcome}, ${note}`}`,
    ...(error === null ? [] : ['', `**${error.code}**: ${error.message}`]),
    '',
    `Signal: \`${CREATE.cancelCreate.name}\` ends it and removes what was made.`,
  ].join('\n');
}
