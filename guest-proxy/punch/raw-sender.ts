// Sends whole IP packets, marked so that the client's own rules leave them alone.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../domain/errors.js';
import { PUNCH_MARK } from '../rules/client-nft.js';
import { RawSocket } from './raw-socket.js';

/** The kernel's buffer empties at the link's pace: some packets a millisecond on any link. */
const RETRY_MS = 2;
/** A link that takes nothing for so long is dead. */
const PATIENCE_MS = 2_000;

/**
 * Send the packets to their destinations, in order, one that cannot leave being no reason to leave out the others; then reject with the first
 * error. PREREQUISITE: the process may not; NETWORK: a packet cannot leave, or the link took none for two seconds and the rest was given up.
 */
export async function sendRaw(packets: readonly { destination: string; bytes: Buffer }[]): Promise<void> {
  if (packets.length === 0) return;
  const socket = new RawSocket({ mark: PUNCH_MARK });
  const errors: unknown[] = [];
  try {
    for (const { destination, bytes } of packets) {
      const send = () => attempt(() => socket.send(bytes, destination), errors);
      if (!send()) await whenRoom(send, destination);
    }
  } finally {
    socket.close();
  }
  if (errors.length > 0) throw errors[0] as Error;
}

/** Give what `send` gives; true, as there is nothing more to do, when it throws. */
function attempt(send: () => boolean, errors: unknown[]): boolean {
  try {
    return send();
  } catch (error) {
    errors.push(error);
    return true;
  }
}

async function whenRoom(send: () => boolean, destination: string): Promise<void> {
  const begun = performance.now();
  do {
    if (performance.now() - begun > PATIENCE_MS)
      throw new VmshadowError(
        'NETWORK',
        `the link to ${destination} took no packet for ${String(PATIENCE_MS / 1_000)} s: look at its queue`,
      );
    await sleep(RETRY_MS);
  } while (!send());
}
