// The process that delays packets where the kernel has no netem (lab/wan/delay.c): started in the core, asked over a unix socket.
import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { howItEnded, startCommand } from '../../os/start-command.js';
import { imageFolder } from '../images/locate.js';
import { inNamespace } from './commands.js';
import type { WorldSpec } from './plan.js';
import { linkOf, type Pair } from './wan.js';

const socketOf = (folder: string) => join(folder, 'wan-delay.sock');
const START_TIMEOUT_MS = 10_000;

/** Start the daemon with one queue a pair and wait until it has bound them all: rules that queue drop packets before. */
export async function startDelayDaemon(
  namespace: string,
  folder: string,
  pairs: readonly Pair[],
  spec: Pick<WorldSpec, 'links'>,
): Promise<void> {
  const program = join(imageFolder('wan'), 'vmshadow-wan-delay');
  const queues = pairs.map(
    (pair) => `${String(pair.number)}:${String(Math.round(linkOf(spec, pair.from, pair.to).delayMs * 1000))}`,
  );
  const logFile = join(folder, 'wan-delay.log');
  rmSync(logFile, { force: true });
  // A group of its own: Ctrl-C in the owner's terminal must not end the WAN before the owner has cleaned up.
  const child = startCommand(inNamespace(namespace, [program, socketOf(folder), ...queues]), {
    logFile,
    detached: true,
  });
  child.unref();
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end;) {
    await sleep(20);
    const said = readFileSync(logFile, 'utf8');
    if (said.includes('ready')) return;
    if (child.end !== null)
      throw new VmshadowError('NETWORK', `The WAN's delay daemon ${howItEnded(child.end)}: ${said}`);
  }
  throw new VmshadowError(
    'NETWORK',
    `The WAN's delay daemon was not ready after ${String(START_TIMEOUT_MS)} ms.`,
  );
}

/** Send one command line; gives the answer: a line of figures per queue. */
export async function askDelayDaemon(folder: string, line: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(socketOf(folder));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (answer += text));
    socket.on('end', () => resolve(answer));
    socket.on('error', (error) =>
      reject(
        new VmshadowError('NETWORK', `The WAN's delay daemon does not answer: ${messageOf(error)}`, {
          cause: error,
        }),
      ),
    );
    socket.write(`${line}\n`);
  });
}
