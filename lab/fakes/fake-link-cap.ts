// The uplink port without a link: it remembers which caps would hold.
import { z } from 'zod';
import { Ipv4, Port } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';
import type { LinkCap } from '../../ports/uplink.js';

const Cap = z.object({ peer: Ipv4, port: Port, mbps: z.number().positive() });

/** What holds for a move. */
export interface FakeCap {
  readonly peer: string;
  readonly ports: ReadonlySet<number>;
  readonly mbps: number;
}

/** Make a link cap over `caps` (by move), which outlives it. */
export function fakeLinkCap(caps: Map<string, FakeCap>): LinkCap {
  return {
    cap: async (moveId, peer, port, mbps) => {
      parseInput(Cap, { peer, port, mbps }, 'a bandwidth cap');
      const mine = caps.get(moveId);
      for (const [other, cap] of caps)
        if (other !== moveId && cap.peer === peer)
          caps.set(other, { ...cap, ports: new Set([...cap.ports].filter((p) => p !== port)) });
      caps.set(moveId, { peer, ports: new Set([...(mine?.ports ?? []), port]), mbps });
    },
    uncap: async (moveId) => {
      caps.delete(moveId);
    },
    capped: async () => [...caps.keys()],
  };
}
