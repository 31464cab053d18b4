// Exit codes of the `vmshadow` command (sysexits.h where it has a fitting one; docs/cli.md lists them).
import type { ErrorCode } from '../domain/errors.js';

export const EXIT = {
  ok: 0,
  /** The request was understood and refused, or a followed move did not end as moved. */
  refused: 1,
  /** EX_USAGE: the command line. */
  usage: 64,
  /** EX_DATAERR: a file given as input. */
  data: 65,
  /** EX_UNAVAILABLE: Temporal, the manager, a host or a needed program is not there. */
  unavailable: 69,
  /** EX_SOFTWARE: a defect of ours. */
  internal: 70,
  /** EX_IOERR: a record that this machine keeps. */
  io: 74,
  /** EX_CONFIG: a configuration file. */
  config: 78,
  /** 128 + SIGINT, as shells do. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  CONFIG_INVALID: EXIT.config,
  INPUT_INVALID: EXIT.data,
  CONTROL_PLANE: EXIT.unavailable,
  HOST_UNREACHABLE: EXIT.unavailable,
  PREREQUISITE: EXIT.unavailable,
  NETWORK: EXIT.unavailable,
  INTERNAL: EXIT.internal,
  RECORD_UNREADABLE: EXIT.io,
  RECORD_UNWRITTEN: EXIT.io,
  RECORD_NOT_DURABLE: EXIT.io,
};

/** The exit code for an error that arose on this machine. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return BY_CODE[code] ?? EXIT.refused;
}
