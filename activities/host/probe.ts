// Round trips from this host to users whose thin client reports none: the other half of measuring (MMSys'14 section 5, step 2).
import pMap from 'p-map';
import type { HostContext } from './host-context.js';
import type { ProbeUsers } from './inputs.js';

/** A process each. */
const PARALLEL = 20;

/** Make the activity that probes users from this host. */
export function probeActivities(ctx: HostContext) {
  return {
    /** Median round trip to each address, ms; null where nobody answers (many home routers do not). */
    async probeUsers({ addresses }: ProbeUsers): Promise<Record<string, number | null>> {
      const found = await pMap(addresses, async (a) => [a, await ctx.ping(a)] as const, {
        concurrency: PARALLEL,
      });
      return Object.fromEntries(found);
    },
  };
}
