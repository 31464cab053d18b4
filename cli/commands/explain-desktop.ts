// `vmshadow explain DESKTOP` and `vmshadow fingerprint FILE`: the account of a rank, live or from a capture.
import { z } from 'zod';
import { Port } from '../../domain/model/address.js';
import { DesktopId } from '../../domain/model/ids.js';
import { integer, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { noDesktop } from '../failures.js';
import { withLoop } from '../with-loop.js';

const Explain = z.object({ ...poolOptions, desktop: DesktopId });

/** Run `vmshadow explain DESKTOP`. */
export async function explainCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop } = parseArguments(Explain, raw, 'explain', ['desktop']);
  // The status waits for a loop that has just begun, and with it for the fingerprint.
  const { status, fingerprint } = await withLoop(pool, async (loop) => ({
    status: await loop.status({ desktop }),
    fingerprint: await loop.fingerprint(desktop),
  }));
  const [found] = status.desktops;
  if (found === undefined) throw noDesktop(desktop, pool);
  if (json) {
    context.out(JSON.stringify({ ...found, fingerprint }, null, 2));
    return;
  }
  const { renderExplanation } = await import('./explain.js');
  context.out(renderExplanation(found).trimEnd());
}

const Fingerprint = z.object({
  file: z.string().min(1),
  /** Checked by the reader of the capture: it may be an IPv6 address too. */
  desktop: z.string().min(1).optional(),
  port: integer.pipe(Port).optional(),
  json: z.boolean().default(false),
});

/** Run `vmshadow fingerprint FILE`; `-` is standard input, which Ctrl-C ends as its end would: what has come is judged. */
export async function fingerprintCommand(context: CliContext, raw: unknown): Promise<void> {
  const { file, desktop, port, json } = parseArguments(Fingerprint, raw, 'fingerprint', ['file']);
  const { fingerprintFile, fingerprintInput } = await import('./fingerprint.js');
  const { readingLine } = await import('../render/reading-line.js');
  const line = readingLine(process.stderr);
  const options = { desktop, port, json, progress: line.progress };
  try {
    if (file !== '-') {
      const text = await fingerprintFile(file, options);
      line.clear();
      context.out(text.trimEnd());
      return;
    }
    const enough = new AbortController();
    process.once('SIGINT', () => enough.abort());
    const text = await fingerprintInput(process.stdin, enough.signal, options);
    line.clear();
    context.out(text.trimEnd());
  } finally {
    line.clear();
  }
}
