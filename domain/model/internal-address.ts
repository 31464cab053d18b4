// Internal addresses of desktops: a /30 each out of the cloud's range; the first usable address is the gateway, the second the guest.
import { VmshadowError } from '../errors.js';
import { cidrBounds, ipv4Bytes, ipv4ToNumber, numberToIpv4 } from './address.js';
import type { InternalNetwork } from './desktop.js';

/** Choose the first free /30. `taken` are guests' addresses. The MAC follows from the address: locally administered, stable. */
export function allocateInternal(range: string, taken: readonly string[]): InternalNetwork {
  const { first, last } = cidrBounds(range);
  const used = new Set(taken.map((a) => Math.floor(ipv4ToNumber(a) / 4)));
  for (let block = Math.ceil(first / 4); block * 4 + 3 <= last; block++) {
    if (used.has(block)) continue;
    const address = numberToIpv4(block * 4 + 2);
    const mac = ['52', '54', ...ipv4Bytes(address).map((byte) => byte.toString(16).padStart(2, '0'))].join(
      ':',
    );
    return { address, gateway: numberToIpv4(block * 4 + 1), mac };
  }
  throw new VmshadowError(
    'NO_CAPACITY',
    `the internal range ${range} has no free /30 left; widen internalRange in vmshadow.yaml`,
  );
}
