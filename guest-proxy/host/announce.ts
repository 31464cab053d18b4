// Tells the uplink's neighbours that an external address is here now (gratuitous ARP). Best effort: a router that is not told asks.
import { messageOf } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';
import type { Logger } from '../logger.js';

const TIMEOUT_MS = 2_000;

/** Announce `address` on `uplink` where the host has arping; routed pools need no announcement. */
export async function announceAddress(uplink: string, address: string, logger: Logger): Promise<void> {
  try {
    await runCommand(['arping', '-U', '-c', '1', '-I', uplink, address], { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    logger.debug({ address, error: messageOf(error) }, 'address was not announced');
  }
}
