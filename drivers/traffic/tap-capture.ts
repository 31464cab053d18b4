// Looks at packet headers at one tap for a few seconds, by a tcpdump child that writes to a pipe. The kernel copies at most SNAP_BYTES
// of each packet into the child's own ring and, when that is full, skips the copy: a packet is never held up and never dropped.
import { VmshadowError, messageOf } from '../../domain/errors.js';
import { CaptureReader } from '../../domain/fingerprint/capture/capture-reader.js';
import { FlowTable } from '../../domain/fingerprint/capture/flow-table.js';
import { decodeRawPacket } from '../../domain/fingerprint/capture/packet.js';
import { startCommand } from '../../os/start-command.js';

/** Ethernet, a VLAN tag, IPv4 and TCP with full options. */
const SNAP_BYTES = 100;
/** The ring, in KiB: a second of a gigabit's headers, bounded. */
const RING_KIB = 1_024;
/** A bulk transfer ends its sample early instead of costing a core. */
const MAX_PACKETS = 20_000;
/** From the start of the child until it listens, on a busy host. */
const START_MS = 5_000;
/** After the signal tcpdump only writes what it holds; then it is killed. */
const STOP_SECONDS = 2;
/** What `timeout` exits with when there is no such program. */
const NOT_FOUND = 127;

export interface TapCaptureOptions {
  readonly tap: string;
  readonly internalAddress: string;
  /** The remote-desktop flow's port, when known; else every flow is looked at. */
  readonly port: number | undefined;
  readonly durationMs: number;
  /** Asked each `durationMs` whether to end; until it says so, or for `mostMs`, the look goes on. Without it, it ends at once. */
  readonly isEnough?: (table: FlowTable, watchedMs: number) => boolean;
  readonly mostMs?: number;
  readonly signal: AbortSignal;
  /** Put before the command, e.g. to enter a network namespace; nothing where the process lives in the right one. */
  readonly prefix?: readonly string[] | undefined;
}

export interface TapSample {
  readonly table: FlowTable;
  readonly packets: number;
  /** How long the tap was really watched, milliseconds. */
  readonly watchedMs: number;
}

/** Watch `tap`; resolves after the duration (a multiple of it while that is not enough), when enough packets came or on abort. Throws PREREQUISITE or NETWORK. */
export async function captureTap(options: TapCaptureOptions): Promise<TapSample> {
  const { tap, internalAddress, port, durationMs, mostMs = durationMs, signal } = options;
  signal.throwIfAborted();
  const filter = `(tcp or udp) and host ${internalAddress}${port === undefined ? '' : ` and port ${port}`}`;
  const argv = ['-i', tap, '-n', '-p', '-s', `${SNAP_BYTES}`, '-B', `${RING_KIB}`, '-c', `${MAX_PACKETS}`];
  // Unbuffered (-U): what has been seen so far is judged while the look goes on.
  // `timeout` ends it even when this process is killed and cannot.
  const limitSeconds = Math.ceil((mostMs + START_MS) / 1000);
  const bounded = ['timeout', '--signal=INT', `--kill-after=${STOP_SECONDS}`, `${limitSeconds}`, 'tcpdump'];
  const [program = 'timeout', ...before] = [...(options.prefix ?? []), ...bounded];
  const child = startCommand([program, ...before, ...argv, '-U', '-w', '-', filter]);
  const reader = new CaptureReader();
  const table = new FlowTable(internalAddress);
  let packets = 0;
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  let startedMs = performance.now();
  const stop = () => child.kill('SIGINT');
  const watchedMs = () => Math.min(mostMs, performance.now() - startedMs);
  const goOnOrStop = () => {
    const goesOn = watchedMs() + durationMs / 2 < mostMs && options.isEnough?.(table, watchedMs()) === false;
    if (goesOn) timer = setTimeout(goOnOrStop, durationMs);
    else stop();
  };
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-400);
    // The sample begins when tcpdump is really listening, not when it was started.
    if (timer !== undefined || !errors.includes('listening on')) return;
    startedMs = performance.now();
    timer = setTimeout(goOnOrStop, durationMs);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    for (const raw of reader.push(chunk)) {
      const decoded = decodeRawPacket(raw);
      if (decoded.kind !== 'packet') continue;
      packets += 1;
      table.add(decoded.header);
    }
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { exitCode: code, startError } = await child.ended;
    if (startError !== null) throw startError;
    // Stopped by our signal it ends with 0; a tap that went away under it is no failure if it had been watched.
    if (code === NOT_FOUND)
      throw new VmshadowError(
        'PREREQUISITE',
        'tcpdump is not installed: desktops are ranked by counters only. Install it (apt-get install tcpdump).',
      );
    if (code !== 0 && code !== null && packets === 0 && !signal.aborted)
      throw new VmshadowError('NETWORK', `cannot look at ${tap}: tcpdump said: ${errors.trim()}`);
    return { table, packets, watchedMs: watchedMs() };
  } catch (error) {
    if (error instanceof VmshadowError) throw error;
    throw new VmshadowError('NETWORK', `cannot look at ${tap}: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    child.kill('SIGTERM');
  }
}
