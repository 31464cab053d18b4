// How far the reading of a large file is, on a line of its own that goes away when it is done. On a terminal only.
import { createLogUpdate } from 'log-update';
import type { WriteStream } from 'node:tty';
import { formatBytes } from './format.js';

/** What takes no longer needs no line. */
const SILENT_MS = 500;
const EVERY_MS = 200;

/** Make a line on `stream`. */
export function readingLine(stream: WriteStream): {
  readonly progress: (doneBytes: number, ofBytes: number | null) => void;
  readonly clear: () => void;
} {
  if (!stream.isTTY) return { progress: () => undefined, clear: () => undefined };
  const update = createLogUpdate(stream);
  let nextMs = performance.now() + SILENT_MS;
  return {
    progress(doneBytes, ofBytes) {
      const now = performance.now();
      if (now < nextMs) return;
      nextMs = now + EVERY_MS;
      update(
        ofBytes === null
          ? `${formatBytes(doneBytes)} taken in (Ctrl-C: judge what has come)`
          : `reading: ${Math.floor((100 * doneBytes) / ofBytes)} % of ${formatBytes(ofBytes)}`,
      );
    },
    clear: () => update.clear(),
  };
}
