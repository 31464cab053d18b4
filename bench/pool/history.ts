// What a run of the loop has left in Temporal: sizes of its payloads, as they were sent and unpacked, and how long its cycles took.
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { compressingCodec } from '../../temporal/codec.js';

type History = proto.temporal.api.history.v1.IHistory;
type Event = proto.temporal.api.history.v1.IHistoryEvent;
const { HistoryEvent } = proto.temporal.api.history.v1;
const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

interface PayloadSize {
  readonly kind: string;
  /** Largest of its kind, bytes as Temporal took it. */
  largestBytes: number;
  /** The same one unpacked. */
  unpackedBytes: number;
  count: number;
}

export interface LoopTrace {
  readonly payloads: readonly PayloadSize[];
  readonly runs: readonly { readonly bytes: number; readonly events: number }[];
  /** From the first request for a report to the end of the cycle, ms. */
  readonly cyclesMs: readonly number[];
  /** Of these until the last report was in, and the plan's own activity, ms. */
  readonly collectMs: readonly number[];
  readonly planMs: readonly number[];
  /** Workflow tasks that failed or timed out: deadlocks, limits. */
  readonly taskFailures: readonly string[];
}

/** Histories of all runs of a workflow, oldest first. */
async function historiesOf(client: Client, workflowId: string): Promise<History[]> {
  const histories: History[] = [];
  let runId: string | undefined = (await client.workflow.getHandle(workflowId).describe()).raw
    .workflowExecutionInfo?.firstRunId as string | undefined;
  while (runId !== undefined && runId !== '') {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push(history);
    runId =
      history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  return histories;
}

/** Payloads of an event with what they are. */
function payloadsOf(event: Event, activities: Map<string, string>): [string, Payload][] {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled != null) {
    const name = scheduled.activityType?.name ?? '';
    activities.set(String(event.eventId), name);
    return list(`input of ${name}`, scheduled.input?.payloads);
  }
  const completed = event.activityTaskCompletedEventAttributes;
  if (completed != null)
    return list(
      `result of ${activities.get(String(completed.scheduledEventId)) ?? '?'}`,
      completed.result?.payloads,
    );
  const next = event.workflowExecutionContinuedAsNewEventAttributes;
  return next == null ? [] : list('state carried over', next.input?.payloads);
}

const list = (kind: string, payloads: readonly Payload[] | null | undefined): [string, Payload][] =>
  (payloads ?? []).map((p) => [kind, p]);

const msOf = (event: Event) =>
  Number(event.eventTime?.seconds ?? 0) * 1000 + (event.eventTime?.nanos ?? 0) / 1e6;

/** Measure everything that a loop has left. */
export async function traceOf(client: Client, workflowId: string): Promise<LoopTrace> {
  const sizes = new Map<string, PayloadSize>();
  const runs: { bytes: number; events: number }[] = [];
  const cyclesMs: number[] = [];
  const [collectMs, planMs]: [number[], number[]] = [[], []];
  const taskFailures: string[] = [];
  for (const { events } of await historiesOf(client, workflowId)) {
    const activities = new Map<string, string>();
    let beganMs: number | undefined;
    let planBeganMs = 0;
    for (const event of events ?? []) {
      for (const [kind, payload] of payloadsOf(event, activities)) await count(sizes, kind, payload);
      if (event.activityTaskScheduledEventAttributes?.activityType?.name === 'reportHost')
        beganMs ??= msOf(event);
      if (
        event.activityTaskScheduledEventAttributes?.activityType?.name === 'plan' &&
        beganMs !== undefined
      ) {
        planBeganMs = msOf(event);
        collectMs.push(planBeganMs - beganMs);
      }
      const done = event.activityTaskCompletedEventAttributes;
      if (done != null && activities.get(String(done.scheduledEventId)) === 'plan')
        planMs.push(msOf(event) - planBeganMs);
      const ends =
        event.eventType === EventType.EVENT_TYPE_TIMER_STARTED ||
        event.workflowExecutionContinuedAsNewEventAttributes != null;
      if (ends && beganMs !== undefined) {
        cyclesMs.push(msOf(event) - beganMs);
        beganMs = undefined;
      }
      const failed = event.workflowTaskFailedEventAttributes;
      if (failed != null)
        taskFailures.push(
          `${WorkflowTaskFailedCause[failed.cause ?? 0] ?? '?'}: ${failed.failure?.message ?? ''}`,
        );
      if (event.workflowTaskTimedOutEventAttributes != null) taskFailures.push('a workflow task timed out');
    }
    const bytes = (events ?? []).reduce((sum, e) => sum + HistoryEvent.encode(e).finish().length, 0);
    runs.push({ bytes, events: events?.length ?? 0 });
  }
  return { payloads: [...sizes.values()], runs, cyclesMs, collectMs, planMs, taskFailures };
}

async function count(sizes: Map<string, PayloadSize>, kind: string, payload: Payload): Promise<void> {
  const entry = sizes.get(kind) ?? { kind, largestBytes: 0, unpackedBytes: 0, count: 0 };
  sizes.set(kind, entry);
  entry.count++;
  const bytes = payload.data?.length ?? 0;
  if (bytes <= entry.largestBytes) return;
  const [plain] = await compressingCodec.decode([payload]);
  entry.largestBytes = bytes;
  entry.unpackedBytes = plain?.data?.length ?? 0;
}
