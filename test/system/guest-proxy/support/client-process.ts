// A client's proxy in its own process, as `vmshadow proxy` runs it.
import { pino } from 'pino';
import { ClientProxy, type ClientProxyOptions } from '../../../../guest-proxy/client/client-proxy.js';
import { serve } from '../../../support/rpc.js';

let proxy: ClientProxy | null = null;
const logger = pino({ level: 'debug' }, pino.destination(2));

serve({
  start: async (options: ClientProxyOptions) => {
    proxy = new ClientProxy({ ...options, logger });
    await proxy.start();
  },
  status: () => proxy!.status(),
  stop: () => proxy!.stop(),
  forget: () => proxy!.forget(),
});
