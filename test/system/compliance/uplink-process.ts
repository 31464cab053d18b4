// The uplink driver in a process of its own, inside a network namespace, as dom0 runs it.
import { UplinkCap } from '../../../drivers/uplink/uplink-cap.js';
import { serve } from '../../support/rpc.js';

let uplink: UplinkCap | null = null;

serve({
  start: (options: ConstructorParameters<typeof UplinkCap>[0]) => {
    uplink = new UplinkCap(options);
  },
  call: (method: string, args: unknown[]) =>
    (uplink as unknown as Record<string, (...a: unknown[]) => Promise<void>>)[method]!(...args),
});
