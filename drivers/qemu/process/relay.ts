// The relay of a move at this host, as a process of its own (workers/relay.ts): found by its pid file, so it outlives the worker. It begins as root to read
// the host's certificates, and gives that up before it listens; of root's rights it has none but those.
import { connect } from 'node:net';
import { chmod, chown, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { DesktopId, HostRef } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import { SavedBytes } from '../../../domain/migration/saved-bytes.js';
import type { MoveKey, RelayPorts } from '../../../ports/hypervisor.js';
import { makeFolderDurably } from '../../../os/durable-file.js';
import { findProcess, killByPidFile, startProcess } from '../../../os/host-process.js';
import { cacheFolder, copyKeyOf } from './layout.js';
import { prepareFolders } from './folders.js';
import type { QemuHost } from './qemu-host.js';

/** What is needed to read certificates and then become somebody else. */
const RIGHTS = '-all,+setuid,+setgid,+dac_read_search';
const STATUS_WITHIN_MS = 1_000;

/** What is read of a relay's account: it may be of another release. */
const bytes = z.number().nonnegative();
const Status = z.object({
  streams: z.object({
    memory: z.object({
      wireBytes: bytes,
      raw: z.object({ page: bytes, difference: bytes, reference: bytes }).optional(),
      pathBytesPerSecond: bytes.default(0),
    }),
  }),
  saved: SavedBytes.optional(),
});

/** Start the source's relay of a move, towards that address, unless it runs. */
export function startSourceRelay(
  host: QemuHost,
  move: MoveKey,
  address: string,
  ports: RelayPorts,
): Promise<void> {
  const { disk, memory } = host.layout.relay(move.desktop, copyKeyOf(move));
  return start(host, move, {
    role: 'source',
    disk: { listen: disk, connect: { address, port: ports.diskPort } },
    memory: { listen: memory, connect: { address, port: ports.memoryPort } },
  });
}

/** Start the target's relay of a move, for that source alone, unless it runs. */
export function startTargetRelay(
  host: QemuHost,
  move: MoveKey,
  ports: RelayPorts,
  from: HostRef,
): Promise<void> {
  const { disk, memory } = host.layout.relay(move.desktop, copyKeyOf(move));
  const { address } = host.options.incoming;
  return start(host, move, {
    role: 'target',
    disk: { listen: { address, port: ports.diskPort }, connect: disk },
    memory: { listen: { address, port: ports.memoryPort }, connect: memory },
    from,
  });
}

async function start(host: QemuHost, move: MoveKey, end: object): Promise<void> {
  const { relay, runAs, pki } = host.options;
  if (relay === null)
    throw new VmshadowError(
      'PREREQUISITE',
      `move ${move.moveId} of ${move.desktop} goes through relays, which this host has not: set \`transfer: direct\` at the target`,
    );
  await prepareFolders(host);
  const files = host.layout.relay(move.desktop, copyKeyOf(move));
  if ((await findProcess(files.pidFile)) !== null) return;
  const folder = cacheFolder(host.layout.stateDir);
  await makeFolderDurably(folder);
  await chmod(folder, 0o700);
  if (runAs !== null) await chown(folder, runAs.uid, runAs.gid);
  const spec = {
    status: files.status,
    pkiDir: pki.dir,
    runAs,
    cache: { folder, limitBytes: relay.cacheMiB * 2 ** 20 },
    end,
  };
  const rights =
    runAs === null ? [] : ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=${RIGHTS}`, '--'];
  const argv = [...rights, ...relay.command, '--pidfile', files.pidFile, '--spec', JSON.stringify(spec)];
  await startProcess('the relay', argv, files.pidFile, files.log, () => Promise.resolve(true));
}

/** End the relay of a copy's move, wherever it stands, and remove what it leaves. */
export async function stopRelay(host: QemuHost, desktop: DesktopId, key: string): Promise<void> {
  const files = host.layout.relay(desktop, key);
  await killByPidFile(files.pidFile);
  for (const file of [files.status, files.disk, files.memory, files.nobody, files.log])
    await rm(file, { force: true });
}

export interface Relayed {
  /** Of memory, on the wire. */
  readonly memoryBytes: number;
  /** Pages of memory that it was given, those of zeros not counted; null: it does not say. */
  readonly guestBytes: number | null;
  /** What the path has carried of late; 0: not known. */
  readonly pathBytesPerSecond: number;
  readonly saved: SavedBytes | undefined;
}

/** What the relay of a move has sent and saved so far; null where none answers. */
export async function relayedSoFar(host: QemuHost, move: MoveKey): Promise<Relayed | null> {
  const socket = connect({ path: host.layout.relay(move.desktop, copyKeyOf(move)).status });
  try {
    const text = await new Promise<string>((resolve, reject) => {
      let said = '';
      socket.setTimeout(STATUS_WITHIN_MS, () => reject(new Error('no answer')));
      socket.setEncoding('utf8').on('data', (part: string) => (said += part));
      socket.once('error', reject);
      socket.once('end', () => resolve(said));
    });
    const { streams, saved } = Status.parse(JSON.parse(text));
    const { wireBytes, raw, pathBytesPerSecond } = streams.memory;
    const guestBytes = raw === undefined ? null : raw.page + raw.difference + raw.reference;
    return { memoryBytes: wireBytes, guestBytes, pathBytesPerSecond, saved };
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}
