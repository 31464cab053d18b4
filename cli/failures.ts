// Turns anything thrown into one problem for people and programs: code, message, exit code. Knows Temporal's client errors by
// their names only (they cross realms), so that printing an error needs no Temporal package.
import { errorCodeOf, isVmshadowError, messageOf, type ErrorCode, VmshadowError } from '../domain/errors.js';
import type { DesktopId } from '../domain/model/ids.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';

export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly exit: ExitCode;
  /** True where nobody foresaw it: the stack is of use to us (VMSHADOW_DEBUG=1 prints it). */
  readonly unexpected: boolean;
}

/** `details.source` of errors about the command line. */
export const COMMAND_LINE = 'command line';
/** `details.source` of refusals by a workflow. */
const CONTROL_PLANE = 'control plane';

/** Say what went wrong, whoever threw it. */
export function problemOf(error: unknown): Problem {
  if (isVmshadowError(error))
    return {
      code: error.code,
      message: error.message,
      exit: exitOf(error),
      unexpected: error.code === 'INTERNAL',
    };
  return {
    code: 'INTERNAL',
    message: `internal error: ${messageOf(error)}. Please report it; VMSHADOW_DEBUG=1 prints where it arose.`,
    exit: EXIT.internal,
    unexpected: true,
  };
}

function exitOf(error: VmshadowError): ExitCode {
  if (error.code === 'INPUT_INVALID') {
    if (error.details['source'] === COMMAND_LINE) return EXIT.usage;
    if (error.details['source'] === CONTROL_PLANE) return EXIT.refused;
  }
  return exitCodeOf(error.code);
}

/** An error with which a workflow refused a request. `code` is the type of the failure. */
export function refusal(info: { code: string; message: string }, cause: unknown): VmshadowError {
  return new VmshadowError(errorCodeOf(info.code), info.message, {
    cause,
    details: { source: CONTROL_PLANE },
  });
}

/** An error about the command line: exit 64. */
export function usageError(message: string): VmshadowError {
  return new VmshadowError('INPUT_INVALID', message, { details: { source: COMMAND_LINE } });
}

/** The error for a desktop that is in no move. */
export function noMove(desktop: DesktopId, cause?: unknown): VmshadowError {
  return new VmshadowError(
    'NO_MOVE',
    `desktop ${desktop} is in no move. \`vmshadow status\` shows the moves under way.`,
    { cause, details: { desktop } },
  );
}

/** The error for a desktop that the pool does not have. */
export function noDesktop(desktop: DesktopId, pool: string): VmshadowError {
  return new VmshadowError(
    'UNKNOWN_DESKTOP',
    `there is no desktop ${desktop} in the pool ${pool}. \`vmshadow desktop list\` shows all.`,
    { details: { desktop } },
  );
}
