// Sends packets in a namespace and says how that went: the error's code, if any, and the longest time that nothing else could run.
import { sendRaw } from '../../../../guest-proxy/punch/raw-sender.js';
import { punchPacket } from '../../../../guest-proxy/punch/packets.js';
import { serve } from '../../../support/rpc.js';

serve({
  start: () => undefined,
  send: async (destinations: string[]) => {
    let longestStallMs = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longestStallMs = Math.max(longestStallMs, performance.now() - last);
      last = performance.now();
    }, 1);
    const packets = destinations.map((destination, i) => {
      const local = { address: '10.203.0.1', port: 10_000 + i };
      const flow = { protocol: 'udp', local, remote: { address: destination, port: 9 } } as const;
      return { destination, bytes: punchPacket(flow, destination, 'open') };
    });
    const code = await sendRaw(packets).then(
      () => null,
      (error: unknown) => (error as { code: string }).code,
    );
    clearInterval(ticking);
    return { code, longestStallMs };
  },
});
