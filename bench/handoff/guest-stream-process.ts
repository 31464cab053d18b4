// The client's end of a connection to the small guest: each record is checked (lab/stream), and when it came is known.
import { StreamClient } from '../../lab/stream/stream-client.js';
import { serve } from '../../test/support/rpc.js';
import { Arrivals } from './arrivals.js';
import type { EndState } from './end-process.js';

const arrivals = new Arrivals();
let stream: StreamClient | null = null;

serve({
  start: async ({ intervalMs, ...to }: { host: string; port: number; intervalMs: number }) => {
    stream = await StreamClient.open({ ...to, intervalMs, guestPayloadBytes: 200 });
    stream.onRecord(() => arrivals.note());
    if (intervalMs === 0) stream.pull();
  },
  quiet: () => undefined,
  around: (fromMs: number, resumedMs: number) => arrivals.around(fromMs, resumedMs),
  state: (): EndState | null => {
    if (stream === null) return null;
    const { sent, received, errors, guestErrors, lost } = stream.state;
    return { sent, received, reordered: errors + guestErrors, closed: lost };
  },
});
