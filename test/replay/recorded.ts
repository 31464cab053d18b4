// Recorded histories (scripts/record-histories.ts), whole and cut, as a worker of the present code replays them.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { ATTRIBUTE } from '../../temporal/contract/names.js';
import { PHASES, type Phase } from '../../domain/migration/phases.js';

const folder = new URL('../histories/', import.meta.url);
const bundle = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** The parts of an event, as JSON, that are looked at here. */
interface RecordedEvent {
  readonly eventType: string;
  readonly workflowExecutionStartedEventAttributes?: object;
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { readonly name: string } };
  readonly upsertWorkflowSearchAttributesEventAttributes?: {
    readonly searchAttributes: {
      readonly indexedFields: Readonly<Record<string, { readonly data: string }>>;
    };
  };
}

export interface Recorded {
  readonly name: string;
  readonly events: readonly RecordedEvent[];
}

/** All recorded histories, by name. */
export function recorded(): Recorded[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { events } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded;
      return { name: file.replace('.json', ''), events };
    });
}

/** A history as it stands when a workflow task has been completed: what it commanded is there, and nothing has come of it yet. */
export interface Cut extends Recorded {
  /** The phase of the move; null before the first one, and for what is no move. */
  readonly phase: Phase | null;
  /** The activity that was scheduled last, and now is under way. */
  readonly underWay: string | null;
}

/** Every cut of a history but the whole. */
export function cutsOf({ name, events }: Recorded): Cut[] {
  const cuts: Cut[] = [];
  let phase: Phase | null = null;
  events.forEach((event, i) => {
    phase = phaseOf(event) ?? phase;
    const next = events[i + 1];
    if (next === undefined || isCommanded(next) || !(isCommanded(event) || isTaskDone(event))) return;
    const head = events.slice(0, i + 1);
    cuts.push({
      name: `${name} up to event ${String(i + 1)}`,
      events: head,
      phase,
      underWay: underWayIn(event),
    });
  });
  return cuts;
}

/**
 * Replay histories on the present code, or on a bundle of other code; gives the names of those that it would not have made. The worker
 * stays until `hold` is done.
 */
export async function unfit(
  histories: readonly Recorded[],
  code?: string,
  hold?: () => Promise<void>,
): Promise<string[]> {
  const workflowBundle = code === undefined ? { codePath: bundle } : { code };
  const names = new Map<string, Recorded>(histories.map((h) => [randomUUID(), h]));
  async function* all() {
    for (const [runId, { events }] of names)
      yield { workflowId: runId, history: historyFromJSON({ events: withRunId(events, runId) }) };
    await hold?.();
  }
  const results = Worker.runReplayHistories({ workflowBundle }, all());
  const failed: string[] = [];
  let replayed = 0;
  for await (const { workflowId, error } of results) {
    replayed++;
    if (error !== undefined) failed.push(names.get(workflowId)?.name ?? workflowId);
  }
  if (replayed !== histories.length)
    throw new Error(`replayed ${String(replayed)} of ${String(histories.length)}`);
  return failed;
}

/** The bundle of the present code with one word of it changed. */
export function changedCode(word: string, to: string): string {
  const code = readFileSync(bundle, 'utf8');
  const changed = code.replaceAll(word, to);
  if (changed === code) throw new Error(`the bundle has no ${word}: was it built?`);
  return changed;
}

const isTaskDone = ({ eventType }: RecordedEvent) => eventType === 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED';

/** Events that stand for a command of the workflow task before them. */
function isCommanded({ eventType }: RecordedEvent): boolean {
  return [
    'ACTIVITY_TASK_SCHEDULED',
    'ACTIVITY_TASK_CANCEL_REQUESTED',
    'TIMER_STARTED',
    'TIMER_CANCELED',
    'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
    'START_CHILD_WORKFLOW_EXECUTION_INITIATED',
    'SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED',
    'WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
    'WORKFLOW_EXECUTION_UPDATE_COMPLETED',
    'WORKFLOW_EXECUTION_COMPLETED',
    'WORKFLOW_EXECUTION_FAILED',
    'MARKER_RECORDED',
  ].includes(eventType.replace('EVENT_TYPE_', ''));
}

function phaseOf(event: RecordedEvent): Phase | null {
  const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes.indexedFields;
  const data = fields?.[ATTRIBUTE.phase.name]?.data;
  if (data === undefined) return null;
  const named = JSON.parse(Buffer.from(data, 'base64').toString()) as unknown;
  return PHASES.find((p) => p === named) ?? null;
}

function underWayIn(event: RecordedEvent): string | null {
  return event.activityTaskScheduledEventAttributes?.activityType.name ?? null;
}

/** Each cut is a run of its own: a worker tells replays apart by run ID. */
function withRunId(events: readonly RecordedEvent[], originalExecutionRunId: string): unknown[] {
  const [started, ...rest] = events;
  const attributes = { ...started?.workflowExecutionStartedEventAttributes, originalExecutionRunId };
  return [{ ...started, workflowExecutionStartedEventAttributes: attributes }, ...rest];
}
