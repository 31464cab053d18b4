// The state of one move as its workflow keeps it: the answer of the query, the search attributes, the page that the UI shows.
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Blame } from '../domain/migration/blame.js';
import { describePhase, type Outcome, type Phase } from '../domain/migration/phases.js';
import {
  look,
  NO_PROGRESS,
  NOTHING_SHOWN,
  takeIn,
  type MoveProgress,
  type Shown,
} from '../domain/migration/progress.js';
import { savedWords } from '../domain/migration/saved.js';
import { hostKey } from '../domain/model/ids.js';
import type { FailureInfo } from '../temporal/contract/failures.js';
import { MOVE, type MigrateInput, type MoveStatus, type PhaseTime } from '../temporal/contract/move.js';
import { ATTRIBUTE } from '../temporal/contract/names.js';

/** Facts that phases learn on the way. */
type Facts = Pick<
  MoveStatus,
  | 'downtimeMs'
  | 'switchoverMs'
  | 'heldPackets'
  | 'diskHashes'
  | 'oldExternal'
  | 'newExternal'
  | 'sourceKeptUntilMs'
>;

export class MoveState {
  readonly #input: MigrateInput;
  readonly #moveId: string;
  #phase: Phase = 'preflight';
  #outcome: Outcome = 'running';
  #phases: PhaseTime[] = [];
  #progress: MoveProgress = NO_PROGRESS;
  #shown: Shown = NOTHING_SHOWN;
  #error: FailureInfo | null = null;
  #blame: Blame | null = null;
  #note: string | null = null;
  #cancelledBecause: string | null = null;
  #facts: Facts = {
    downtimeMs: null,
    switchoverMs: null,
    heldPackets: 0,
    diskHashes: null,
    oldExternal: null,
    newExternal: null,
  };

  constructor(input: MigrateInput, moveId: string) {
    this.#input = input;
    this.#moveId = moveId;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  get cancelledBecause(): string | null {
    return this.#cancelledBecause;
  }

  get facts(): Facts {
    return this.#facts;
  }

  enter(phase: Phase): void {
    this.#closePhase();
    this.#phase = phase;
    this.#phases.push({ phase, startedAtMs: Date.now(), endedAtMs: null });
    upsertSearchAttributes([{ key: ATTRIBUTE.phase, value: phase }]);
    this.#look();
    this.#show();
  }

  progress(part: Partial<MoveProgress>): void {
    this.#progress = takeIn(this.#progress, part);
    this.#look();
    this.#show();
  }

  learn(facts: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#show();
  }

  /** Remember why it is cancelled; the first reason counts. */
  cancelBecause(reason: string | undefined): void {
    this.#cancelledBecause ??= reason ?? null;
  }

  note(text: string | null): void {
    this.#note = text;
    this.#show();
  }

  end(outcome: Outcome, error: FailureInfo | null = null, blame: Blame | null = null): void {
    this.#outcome = outcome;
    this.#error = error;
    this.#blame = blame;
    upsertSearchAttributes([{ key: ATTRIBUTE.outcome, value: outcome }]);
    this.#show();
  }

  /** Say loudly what is wrong with a move that cannot be undone any more: its outcome stays. */
  doubt(error: FailureInfo): void {
    this.#error = error;
    this.#show();
  }

  finish(): void {
    this.#closePhase();
    this.#show();
  }

  status(): MoveStatus {
    const { desktop, from, to, cause, reason, rttBeforeMs, rttAfterMs, deadlineAtMs } = this.#input;
    return {
      desktop,
      moveId: this.#moveId,
      from,
      to,
      cause,
      reason,
      phase: this.#phase,
      outcome: this.#outcome,
      phases: this.#phases,
      progress: this.#progress,
      percent: this.#shown.percent,
      etaMs: this.#outcome === 'running' ? this.#shown.etaMs : null,
      wanBytes: { disk: this.#progress.diskWireBytes ?? 0, memory: this.#progress.memoryWireBytes ?? 0 },
      error: this.#error,
      blame: this.#blame,
      rttBeforeMs,
      rttAfterMs,
      ...(deadlineAtMs === undefined ? {} : { deadlineAtMs }),
      ...this.#facts,
    };
  }

  #closePhase(): void {
    const last = this.#phases.at(-1);
    if (last?.endedAtMs === null)
      this.#phases = [...this.#phases.slice(0, -1), { ...last, endedAtMs: Date.now() }];
  }

  #look(): void {
    this.#shown = look(this.#shown, this.#progress, this.#phase);
  }

  #show(): void {
    setCurrentDetails(renderDetails(this.status(), this.#note));
  }
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Render a move for the UI's "current details", in Markdown. */
function renderDetails(s: MoveStatus, note: string | null): string {
  const title = `**${s.desktop}**: ${hostKey(s.from)} to ${hostKey(s.to)}, ${s.outcome === 'running' ? describePhase(s.phase) : s.outcome}`;
  const rtt =
    s.rttBeforeMs === null || s.rttAfterMs === null
      ? ''
      : ` The user's RTT goes from ${s.rttBeforeMs.toFixed(0)} to ${s.rttAfterMs.toFixed(0)} ms.`;
  const rows = s.phases.map(
    (p) =>
      `| ${p.phase} | ${p.endedAtMs === null ? 'now' : `${((p.endedAtMs - p.startedAtMs) / 1000).toFixed(1)} s`} |`,
  );
  const p = s.progress;
  return [
    title,
    '',
    `Why: ${s.reason} (${s.cause}).${rtt}`,
    '',
    `Progress: **${String(s.percent)} %**; disk ${mb(p.diskDoneBytes)} of ${mb(p.diskTotalBytes)}, memory ${mb(p.memoryDoneBytes)} of ${mb(p.memoryTotalBytes)} (round ${String(p.round)}); over the WAN ${mb(s.wanBytes.disk + s.wanBytes.memory)}, ${(p.bytesPerSecond / 1e6).toFixed(1)} MB/s${s.etaMs === null ? '' : `, about ${String(Math.ceil(s.etaMs / 1000))} s left`}.`,
    ...(p.saved === undefined ? [] : ['', `Saved by relays: ${savedWords(p.saved, mb) || 'nothing yet'}.`]),
    ...(s.downtimeMs === null
      ? []
      : [
          '',
          `Downtime: ${s.downtimeMs.toFixed(0)} ms by the hypervisor, ${(s.switchoverMs ?? 0).toFixed(0)} ms from stop to run; ${String(s.heldPackets)} packets held.`,
        ]),
    ...(s.diskHashes === null
      ? []
      : [
          '',
          `Disks at the switchover: ${s.diskHashes.equal ? 'equal' : '**DIFFERENT: keep the source disk and investigate**'}.`,
        ]),
    ...(s.deadlineAtMs === undefined || s.outcome !== 'running'
      ? []
      : [
          '',
          `Deadline: cancelled by itself at ${new Date(s.deadlineAtMs).toISOString()}, where it has not committed by then.`,
        ]),
    ...(s.error === null ? [] : ['', `**${s.error.code}**: ${s.error.message}`]),
    ...(note === null ? [] : ['', `Now: ${note}`]),
    '',
    '| phase | time |',
    '|---|---|',
    ...rows,
    '',
    `Signals: \`${MOVE.cancelMove.name}\` undoes the move until the commit; \`${MOVE.forceSwitchover.name}\` stops waiting for memory to converge.`,
  ].join('\n');
}
