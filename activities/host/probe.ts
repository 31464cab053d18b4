// Round trips from this host to users whose thin client reports none: the other half of measuring (MMSys'14 section 5, step 2).
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';
import type { HostContext } from './host-context.js';

/** Users probed in one task: some seconds of pings. */
export const MAX_PROBED = 200;
const PARALLEL = 20;

const Addresses = z.array(Ipv4).max(MAX_PROBED);

/** Make the activity that probes users from this host. */
export function probeActivities(ctx: HostContext) {
  return {
    /** Median round trip to each address, ms; null where nobody answers (many home routers do not). */
    async probeUsers({
      addresses,
    }: {
      addresses: readonly string[];
    }): Promise<Record<string, number | null>> {
      const wanted = parseInput(Addresses, addresses, 'addresses to probe');
      const found: [string, number | null][] = [];
      for (let i = 0; i < wanted.length; i += PARALLEL)
        found.push(
          ...(await Promise.all(
            wanted
              .slice(i, i + PARALLEL)
              .map(async (a): Promise<[string, number | null]> => [a, await ctx.ping(a)]),
          )),
        );
      return Object.fromEntries(found);
    },
  };
}
