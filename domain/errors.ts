// The one error class of the project. A message says what failed, on which object, what was expected, and what to do next.
// Codes are stable: they are the `type` of Temporal failures, the `code` of --json output and what the predicates test.

/** Codes, and whether trying the same thing again may help. A `false` one is never retried by an activity. */
export const ERROR_CODES = {
  CONFIG_INVALID: false,
  INPUT_INVALID: false,
  UNKNOWN_DESKTOP: false,
  UNKNOWN_SITE: false,
  ALREADY_EXISTS: false,
  MOVE_IN_PROGRESS: false,
  NO_MOVE: false,
  ALREADY_THERE: false,
  HYSTERESIS: false,
  HELD_BACK: false,
  CONSTRAINT: false,
  DRAINING: false,
  NO_CAPACITY: false,
  OUT_OF_SPACE: false,
  HOST_UNREACHABLE: true,
  PEER_REFUSED: false,
  FENCED: false,
  NOT_OWNER: false,
  TOO_LATE: false,
  DESKTOP_DOWN: false,
  DESKTOP_RUNNING: false,
  QMP: false,
  QMP_LOST: true,
  DISK_COPY: false,
  MEMORY_COPY: false,
  LINK_LOST: true,
  CONVERGENCE: false,
  COMMAND: true,
  NETWORK: true,
  PROTOCOL: false,
  CONTROL_PLANE: true,
  RECORD_UNREADABLE: true,
  RECORD_UNWRITTEN: true,
  RECORD_NOT_DURABLE: true,
  PREREQUISITE: false,
  INTERNAL: false,
} as const satisfies Record<string, boolean>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The code that a peer, a failure or a record of another release names; INTERNAL for one that is not known here. */
export function errorCodeOf(name: string | undefined): ErrorCode {
  return name !== undefined && Object.hasOwn(ERROR_CODES, name) ? (name as ErrorCode) : 'INTERNAL';
}

/** Details are small, plain and safe to show: they travel in Temporal failures (4 KiB at most in all). */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export class VmshadowError extends Error {
  override readonly name = 'VmshadowError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown; retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code];
    this.details = options.details ?? {};
  }
}

/** Tell whether `e` is one of ours; a predicate, since `instanceof` fails across realms (jest, workflow sandbox). */
export function isVmshadowError(e: unknown): e is VmshadowError {
  return (
    typeof e === 'object' && e !== null && (e as { name?: unknown }).name === 'VmshadowError' && 'code' in e
  );
}

/** Tell whether `e` is one of ours with this code. */
export function hasCode(e: unknown, code: ErrorCode): e is VmshadowError {
  return isVmshadowError(e) && e.code === code;
}

/** The message of anything thrown, for logs and causes. */
export function messageOf(e: unknown): string {
  return typeof e === 'object' && e !== null && 'message' in e ? String(e.message) : String(e);
}
