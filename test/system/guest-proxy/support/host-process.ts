// A host's proxy in its own process, as dom0's worker runs it.
import { pino } from 'pino';
import { HostProxy, type HostProxyOptions } from '../../../../guest-proxy/host/host-proxy.js';
import { serve } from '../../../support/rpc.js';

let proxy: HostProxy | null = null;
const logger = pino({ level: 'debug' }, pino.destination(2));

serve({
  start: async (options: HostProxyOptions) => {
    proxy = new HostProxy({ ...options, logger });
    await proxy.start();
  },
  publicKey: () => proxy!.publicKey,
  call: async (method: keyof HostProxy, args: unknown[]) => {
    const startedAt = performance.now();
    const result = await (proxy![method] as (...a: unknown[]) => unknown).apply(proxy, args);
    return { result, ms: performance.now() - startedAt };
  },
});
