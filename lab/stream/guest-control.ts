// Asks the small guest's control service (lab/images/base/guest/control.c) how its services fare, and to verify its disk.
import { connect } from 'node:net';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { parseInput } from '../../domain/model/parse.js';

const count = z.number().int().min(0);
export const GuestStatus = z.object({
  uptimeMs: count,
  stream: z.object({ clients: count, recordsIn: count, recordsOut: count, errors: count }),
  disk: z.object({ blocksWritten: count, syncs: count, errors: count, longestWriteMs: count }),
  /** Of the last `verify`: blocks read back past the page cache, and how many do not hold what memory says was written. */
  verify: z.object({ done: z.boolean(), blocks: count, bad: count }),
  memory: z.object({ pagesTouched: count, errors: count }),
});
export type GuestStatus = z.infer<typeof GuestStatus>;

/** The guest gives up a verification after 60 s. */
const TIMEOUT_MS = 70_000;

/** Ask for the status; `verify` has every disk block re-read first (only with vms.disk). Throws NETWORK, INPUT_INVALID. */
export async function askGuest(
  host: string,
  question: 'status' | 'verify',
  port = 7001,
): Promise<GuestStatus> {
  const line = await new Promise<string>((resolve, reject) => {
    let answer = '';
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new VmshadowError(
          'NETWORK',
          `The guest at ${host}:${String(port)} does not answer '${question}': ${why}.`,
        ),
      );
    };
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    socket.on('connect', () => socket.write(`${question}\n`));
    socket.on('error', (error) => fail(error.message));
    socket.on('timeout', () => fail('time is up'));
    socket.on('close', () => fail('it closed the connection'));
    socket.on('data', (data: Buffer) => {
      answer += data.toString('utf8');
      if (!answer.includes('\n')) return;
      resolve(answer);
      socket.destroy();
    });
  });
  return parseInput(GuestStatus, JSON.parse(line), `the status of the guest at ${host}`);
}
