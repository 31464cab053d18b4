// A flow that goes on over a site which its desktop has left, and when it is over. Pure.
import { z } from 'zod';
import { Endpoint, Port } from '../../domain/model/address.js';

export const RelayedFlow = z.object({
  protocol: z.enum(['tcp', 'udp']),
  /** The desktop's. */
  port: Port,
  peer: Endpoint,
});
export type RelayedFlow = z.infer<typeof RelayedFlow>;

/** The same text for the same flow. */
export function flowKey({ protocol, port, peer }: RelayedFlow): string {
  return `${protocol} ${String(port)} ${peer.address} ${String(peer.port)}`;
}

/** What was last seen of a flow. */
export interface FlowProgress {
  readonly lastAtMs: number;
  readonly finIn: boolean;
  readonly finOut: boolean;
  readonly reset: boolean;
}

/** A datagram flow that says nothing for so long is over: what NATs allow (RFC 4787: two minutes), and some more. */
const UDP_IDLE_MS = 180_000;
/** Both ends have said FIN: the last ones may still be sent again. */
const CLOSED_MS = 5_000;
/** One end has said FIN, and nothing more is said: as in the kernel's list of open flows. */
const HALF_CLOSED_MS = 120_000;
/** A RST may cross others on its way. */
const RESET_MS = 2_000;

/** A flow of which nothing has been seen yet. */
export function newProgress(nowMs: number): FlowProgress {
  return { lastAtMs: nowMs, finIn: false, finOut: false, reset: false };
}

/** What is known of a flow after a packet of it. */
export function seen(
  before: FlowProgress,
  packet: { direction: 'in' | 'out'; fin: boolean; rst: boolean },
  nowMs: number,
): FlowProgress {
  return {
    lastAtMs: nowMs,
    // A RST from outside may be anybody's, and the desktop refuses one that does not fit (RFC 5961): it counts as the peer's FIN.
    finIn: before.finIn || ((packet.fin || packet.rst) && packet.direction === 'in'),
    finOut: before.finOut || (packet.fin && packet.direction === 'out'),
    reset: before.reset || (packet.rst && packet.direction === 'out'),
  };
}

/** Tell whether a flow is over: closed, reset, or silent (UDP, and TCP that one end has closed). A silent TCP connection that is open is not. */
export function isOver(flow: RelayedFlow, progress: FlowProgress, nowMs: number): boolean {
  const quietMs = nowMs - progress.lastAtMs;
  if (progress.reset) return quietMs >= RESET_MS;
  if (progress.finIn && progress.finOut) return quietMs >= CLOSED_MS;
  if (progress.finIn || progress.finOut) return quietMs >= HALF_CLOSED_MS;
  return flow.protocol === 'udp' && quietMs >= UDP_IDLE_MS;
}
