// The log of the daemons, on standard error: one JSON object a line, or short lines where a person watches a terminal.
import { pino, type Logger } from 'pino';

export type { Logger };

/** Make a daemon's logger. VMSHADOW_LOG=json forces JSON on a terminal; VMSHADOW_LOG_LEVEL sets the level (default info). */
export function makeLogger(
  env: Readonly<Record<string, string | undefined>> = process.env,
  stderr: NodeJS.WriteStream = process.stderr,
): Logger {
  const level = env['VMSHADOW_LOG_LEVEL'] ?? 'info';
  const options = { level: level in pino.levels.values || level === 'silent' ? level : 'info' };
  if (!stderr.isTTY || env['VMSHADOW_LOG'] === 'json')
    return pino({ ...options, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  return pino(options, { write: (line: string) => void stderr.write(`${humanLine(line)}\n`) });
}

const HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

/** Make a person's line of a JSON one: time, level, message, then the fields as key=value. */
export function humanLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line.trimEnd();
  }
  const time = new Date(Number(entry['time'])).toTimeString().slice(0, 8);
  const level = (pino.levels.labels[Number(entry['level'])] ?? 'log').padEnd(5);
  const error = entry['err'] as { message?: string } | undefined;
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const message = typeof entry['msg'] === 'string' ? entry['msg'] : '';
  const shown = error?.message === undefined || message.includes(error.message) ? [] : [`(${error.message})`];
  return [time, level, message, ...shown, ...fields].filter((part) => part !== '').join(' ');
}
