// SHA-256 over the whole virtual content of a disk, in a process of its own: holes count as zeros, so a sparse copy and a full one agree.
import { createHash } from 'node:crypto';
import { VmshadowError } from '../../../domain/errors.js';
import type { Drive } from './drives.js';
import { startCommand, type StartedCommand, type StartOptions } from '../../../os/start-command.js';

/** Node is there wherever we run, and its OpenSSL hashes three times as fast as sha256sum. */
const HASHER = `
const hash = require('node:crypto').createHash('sha256');
let bytes = 0;
process.stdin.on('data', (d) => { hash.update(d); bytes += d.length; });
process.stdin.on('end', () => console.log(bytes + ' ' + hash.digest('hex')));`;

/** Hash drives one after the other. One alone has its own hash, as it always had; several have that of their suffixes and hashes, in order. */
export async function hashOfAll(
  drives: readonly Drive[],
  hash: (drive: Drive) => Promise<string>,
): Promise<string> {
  const lines: string[] = [];
  for (const drive of drives) lines.push(await hash(drive));
  const [only] = lines;
  if (only !== undefined && lines.length === 1) return only;
  const text = drives.map(({ suffix }, i) => `${suffix} ${lines[i] ?? ''}\n`).join('');
  return createHash('sha256').update(text).digest('hex');
}

/** Hash a raw disk file. Throws DISK_COPY when it can't be read whole. */
export async function hashFile(path: string, sizeBytes: number, signal: AbortSignal): Promise<string> {
  const hasher = startHasher({ file: path });
  return finish(hasher, [hasher], path, sizeBytes, signal);
}

/** Hash what an NBD server on a unix socket exports. Throws DISK_COPY when it can't be read whole. */
export async function hashExport(
  socket: string,
  exportName: string,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const uri = `nbd+unix:///${exportName}?socket=${socket}`;
  const reader = startCommand(['nbdcopy', '--', uri, '-'], { stderr: 'inherit' });
  const hasher = startHasher(reader.stdout);
  // The hasher has its own handle; ours would keep the pipe open after the reader's end.
  reader.stdout.destroy();
  return finish(hasher, [hasher, reader], uri, sizeBytes, signal);
}

function startHasher(stdin: NonNullable<StartOptions['stdin']>): StartedCommand {
  return startCommand([process.execPath, '-e', HASHER], { stdin, stderr: 'inherit' });
}

async function finish(
  hasher: StartedCommand,
  processes: readonly StartedCommand[],
  what: string,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const stop = (): void => processes.forEach((p) => p.kill('SIGKILL'));
  signal.addEventListener('abort', stop);
  try {
    let output = '';
    hasher.stdout.on('data', (d: Buffer) => (output += d.toString()));
    const { startError } = await hasher.ended;
    if (startError !== null) throw startError;
    signal.throwIfAborted();
    const [bytes, digest] = output.trim().split(' ');
    if (Number(bytes) !== sizeBytes || digest === undefined)
      throw new VmshadowError(
        'DISK_COPY',
        `hashing ${what} read ${bytes ?? 0} bytes instead of ${sizeBytes}`,
        {
          retryable: true,
        },
      );
    return digest;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
