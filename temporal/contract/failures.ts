// Domain errors to Temporal failures and back. The failure's type is the error's code; nothing subclasses Temporal's failures.
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import {
  ERROR_CODES,
  isVmshadowError,
  messageOf,
  type ErrorCode,
  type ErrorDetails,
} from '../../domain/errors.js';
import type { FailedStep } from '../../domain/migration/blame.js';

export interface FailureInfo {
  readonly code: string;
  readonly message: string;
}

/** The server cuts a failure at 4 KiB in all. */
const MAX_MESSAGE_CHARS = 2_000;
const MAX_LIST_CHARS = 1_000;

/** Turn anything thrown by an activity or an update handler into a failure; cancellations and Temporal's own pass. */
export function toApplicationFailure(error: unknown): Error {
  if (error instanceof TemporalFailure || isAbort(error)) return error as Error;
  if (!isVmshadowError(error))
    return ApplicationFailure.create({
      type: 'INTERNAL',
      message: messageOf(error).slice(0, MAX_MESSAGE_CHARS),
      nonRetryable: false,
      cause: asError(error),
    });
  return ApplicationFailure.create({
    type: error.code,
    message: error.message.slice(0, MAX_MESSAGE_CHARS),
    nonRetryable: !error.retryable,
    details: [shortened(error.details)],
  });
}

/** Lists (an input may have hundreds of problems) are cut, and what was cut is said. */
function shortened(details: ErrorDetails): ErrorDetails {
  const cut = (lines: readonly string[]): readonly string[] => {
    let chars = 0;
    const kept = lines.filter((line) => (chars += line.length) <= MAX_LIST_CHARS);
    return kept.length < lines.length ? [...kept, `and ${lines.length - kept.length} more`] : kept;
  };
  const isList = (value: ErrorDetails[string]): value is readonly string[] =>
    typeof value === 'object' && value !== null;
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, isList(value) ? cut(value) : value]),
  );
}

/** Find the innermost code and message in a chain of Temporal failures. */
export function failureInfo(error: unknown): FailureInfo {
  let at: unknown = error;
  let found: FailureInfo = { code: 'INTERNAL', message: messageOf(error) };
  for (let depth = 0; depth < 10 && typeof at === 'object' && at !== null; depth++) {
    const { type, message, cause, failureType, timeoutType } = at as Record<string, unknown>;
    if (typeof type === 'string' && Object.hasOwn(ERROR_CODES, type))
      found = { code: type, message: String(message) };
    else if (typeof timeoutType === 'string')
      found = { code: 'HOST_UNREACHABLE', message: timeoutMessage(timeoutType) };
    else if (cause === undefined && typeof failureType !== 'string')
      found = { ...found, message: messageOf(at) };
    at = cause;
  }
  return found;
}

/** Find where a failure of a workflow's step arose, for `blameOf`. */
export function failedStep(error: unknown): FailedStep {
  let step: string | null = null;
  let timedOut = false;
  let ofHosts = false;
  let at: unknown = error;
  for (let depth = 0; depth < 10 && typeof at === 'object' && at !== null; depth++) {
    const { activityType, timeoutType, details, cause } = at as Record<string, unknown>;
    if (typeof activityType === 'string') step = activityType;
    if (typeof timeoutType === 'string') timedOut = true;
    const [detail] = Array.isArray(details) ? (details as unknown[]) : [];
    if ((detail as { ofHosts?: unknown } | undefined)?.ofHosts === true) ofHosts = true;
    at = cause;
  }
  return { code: failureInfo(error).code, step, timedOut, ofHosts };
}

function timeoutMessage(timeoutType: string): string {
  return timeoutType === 'SCHEDULE_TO_START'
    ? 'the host did not take up its task: is `vmshadow dom0` running there?'
    : `the host did not finish its task in time (${timeoutType}): look at its log`;
}

/** Tell whether a failure (anywhere in its chain) carries this code. */
export function failedWith(error: unknown, code: ErrorCode): boolean {
  return failureInfo(error).code === code;
}

function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'AbortError';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
