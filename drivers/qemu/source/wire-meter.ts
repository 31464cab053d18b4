// Counts what a move really puts on the WAN: the kernel's own counters of the sockets towards the target's ports (TCP_INFO, read by `ss`),
// headers and retransmissions included. QEMU's figures do not tell: its block job counts zeros of which nothing crosses the link, its
// migration not the headers. Right with TLS and without a cap at the uplink, and there is no state in the kernel to take away again.
import { z } from 'zod';
import type { Endpoint } from '../../../domain/model/address.js';
import type { MoveKey, WireBytes } from '../../../ports/hypervisor.js';
import { runCommand } from '../../../os/run-command.js';

/** IPv4 and TCP with timestamps. */
const HEADER_BYTES = 20 + 32;
const TIMEOUT_MS = 5_000;

/** What one socket has sent. */
export interface SocketBytes {
  readonly localPort: number;
  readonly peer: Endpoint;
  /** IP packets in whole. */
  readonly bytes: number;
}

const Line = z.object({
  localPort: z.coerce.number().int(),
  address: z.string(),
  port: z.coerce.number().int(),
  sent: z.coerce.number().int(),
  segments: z.coerce.number().int(),
});

/** Read what `ss -HOtin` prints; sockets that have no counters (those that are only remembered) are left out. */
export function parseSockets(text: string): SocketBytes[] {
  return text.split('\n').flatMap((line) => {
    const ends = /^\S+\s+\d+\s+\d+\s+\S+:(?<localPort>\d+)\s+(?<address>[\d.]+):(?<port>\d+)/.exec(line);
    const sent = /\bbytes_sent:(?<sent>\d+)/.exec(line);
    const segments = /\bsegs_out:(?<segments>\d+)/.exec(line);
    const read = Line.safeParse({ ...ends?.groups, ...sent?.groups, ...segments?.groups });
    if (!read.success) return [];
    const { localPort, address, port, sent: payload, segments: packets } = read.data;
    return [{ localPort, peer: { address, port }, bytes: payload + packets * HEADER_BYTES }];
  });
}

/** The sum over the sockets of one stream, which never falls: a connection that ended counts on with the last that was seen of it. */
export class StreamCount {
  #ended = 0;
  readonly #sockets = new Map<number, number>();

  /** Take in the sockets that stand now; gives the bytes so far. */
  add(sockets: readonly Pick<SocketBytes, 'localPort' | 'bytes'>[]): number {
    for (const { localPort, bytes } of sockets) {
      const before = this.#sockets.get(localPort) ?? 0;
      // A new connection from the port of one that has ended.
      if (bytes < before) this.#ended += before;
      this.#sockets.set(localPort, bytes);
    }
    return this.bytes;
  }

  get bytes(): number {
    return [...this.#sockets.values()].reduce((sum, n) => sum + n, this.#ended);
  }
}

type Stream = keyof WireBytes;
interface Watched {
  readonly endpoints: Map<Stream, Endpoint>;
  readonly counts: Record<Stream, StreamCount>;
}

export class WireMeter {
  readonly #moves = new Map<string, Watched>();
  readonly #sockets: (endpoints: readonly Endpoint[]) => Promise<SocketBytes[]>;

  constructor(sockets = socketsTo) {
    this.#sockets = sockets;
  }

  /** Count a stream of the move by its sockets to `endpoint` from now on; what it sent elsewhere before still counts. */
  watch(move: MoveKey, stream: Stream, endpoint: Endpoint): void {
    const watched = this.#moves.get(move.moveId) ?? {
      endpoints: new Map<Stream, Endpoint>(),
      counts: { disk: new StreamCount(), memory: new StreamCount() },
    };
    watched.endpoints.set(stream, endpoint);
    this.#moves.set(move.moveId, watched);
  }

  /** Bytes so far of each stream, null for one that this process does not watch. A kernel that does not answer leaves the last figures. */
  async read(move: MoveKey): Promise<WireBytes> {
    const watched = this.#moves.get(move.moveId);
    if (watched === undefined) return { disk: null, memory: null };
    const { endpoints, counts } = watched;
    const sockets = await this.#sockets([...endpoints.values()]).catch(() => []);
    for (const [stream, { address, port }] of endpoints)
      counts[stream].add(sockets.filter(({ peer }) => peer.address === address && peer.port === port));
    return this.last(move);
  }

  /** The figures of the last `read`. */
  last(move: MoveKey): WireBytes {
    const watched = this.#moves.get(move.moveId);
    const of = (stream: Stream) =>
      watched?.endpoints.has(stream) === true ? watched.counts[stream].bytes : null;
    return { disk: of('disk'), memory: of('memory') };
  }

  forget(move: MoveKey): void {
    this.#moves.delete(move.moveId);
  }
}

async function socketsTo(endpoints: readonly Endpoint[]): Promise<SocketBytes[]> {
  const filter = endpoints
    .map(({ address, port }) => `( dst ${address} and dport = :${port} )`)
    .join(' or ')
    .split(' ');
  return parseSockets(await runCommand(['ss', '-HOtin', ...filter], { timeoutMs: TIMEOUT_MS }));
}
