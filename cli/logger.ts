// The log of the daemons, on standard error: one JSON object a line, or short lines where a person watches a terminal.
import { pino, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type { Logger };

/**
 * Make a daemon's logger. VMSHADOW_LOG=json forces JSON on a terminal, NO_COLOR takes the colors off it; VMSHADOW_LOG_LEVEL sets the level
 * (default info).
 */
export function makeLogger(
  env: Readonly<Record<string, string | undefined>> = process.env,
  stderr: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Logger {
  const asked = env['VMSHADOW_LOG_LEVEL'] ?? 'info';
  const level = asked in pino.levels.values || asked === 'silent' ? asked : 'info';
  const options = {
    level,
    // What was thrown, under the name by which all of us log it: as it is, JSON would say {}.
    serializers: { error: (e: unknown) => (e instanceof Error ? pino.stdSerializers.err(e) : e) },
  };
  if (!stderr.isTTY || env['VMSHADOW_LOG'] === 'json')
    return pino({ ...options, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  const forPeople = prettyFactory({
    colorize: (env['NO_COLOR'] ?? '') === '',
    translateTime: 'SYS:HH:MM:ss',
    hideObject: true,
    messageFormat: (entry) => sentence(entry),
    customPrettifiers: {
      time: (time) => (typeof time === 'string' ? time : ''),
      level: (_level, _key, _entry, { labelColorized }) => labelColorized.toLowerCase(),
    },
  });
  // By hand and not as a stream of pino-pretty's: the last words of a process that ends would stay in that.
  return pino({ ...options, base: null }, { write: (line: string) => void stderr.write(forPeople(line)) });
}

const BESIDE = new Set(['level', 'time', 'msg', 'err', 'error']);

/** The message, what was thrown unless the message says it, and the other fields as key=value. */
function sentence(entry: Readonly<Record<string, unknown>>): string {
  const message = typeof entry['msg'] === 'string' ? entry['msg'] : '';
  const thrown = whatWasThrown(entry['err'] ?? entry['error']);
  const fields = Object.entries(entry)
    .filter(([key]) => !BESIDE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [message, ...(thrown === '' || message.includes(thrown) ? [] : [`(${thrown})`]), ...fields].join(
    ' ',
  );
}

function whatWasThrown(error: unknown): string {
  if (typeof error === 'string') return error;
  const message = (error as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : '';
}
