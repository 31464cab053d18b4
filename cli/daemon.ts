// How a daemon is stopped: the first SIGINT or SIGTERM aborts the signal and the daemon ends in its own time; a second one ends it now.
import { EXIT } from './exit-codes.js';

/** Run `body` with a signal that SIGINT and SIGTERM abort; handlers are gone afterwards. `onStop` is told once what came. */
export async function untilStopped<T>(
  body: (signal: AbortSignal) => Promise<T>,
  onStop: (signalName: string) => void = () => undefined,
): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    onStop(name);
    controller.abort(name);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await body(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Wait until the signal aborts. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Wait, or return early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
