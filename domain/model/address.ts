// IPv4 addresses and ranges as text, checked; and the few sums on them that allocation needs.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

export const Ipv4 = z.ipv4('expected an IPv4 address such as 198.51.100.10');
/** What a guest says of itself: so many, and no more than addresses. */
export const MOST_GUEST_ADDRESSES = 16;
export const GuestAddress = z.union([z.ipv4(), z.ipv6()]);

export const Port = z.number().int().min(1).max(65_535);

/** An endpoint in the form host:port, for addresses that another process connects to. */
export const Endpoint = z.object({ address: Ipv4, port: Port });
export type Endpoint = z.infer<typeof Endpoint>;

export const Cidr = z.cidrv4('expected an IPv4 range such as 10.77.0.0/16');

const hostNamePattern =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Servers as an operator lists them: an IPv4 range, or a full host name (with a dot, so that it means the same at every site). */
export const ServerEntry = z.string().refine((s) => Cidr.safeParse(s).success || hostNamePattern.test(s), {
  error: ({ input }) =>
    `${JSON.stringify(input)}: expected an IPv4 range such as 203.0.113.0/24 (/32 for one address) or a full host name such as cdn.example.com`,
});

/** Tell whether a (checked) entry is a name; else it is a range. */
export function isServerName(entry: string): boolean {
  return !entry.includes('/');
}

export const MacAddress = z
  .string()
  .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'expected a MAC address such as 52:54:00:12:34:56');

/** The four bytes of a dotted address. */
export function ipv4Bytes(address: string): number[] {
  return ipaddr.IPv4.parse(address).octets;
}

/** The 32-bit number of a dotted address. */
export function ipv4ToNumber(address: string): number {
  return ipv4Bytes(address).reduce((n, byte) => n * 256 + byte, 0);
}

/** The dotted address of a 32-bit number. */
export function numberToIpv4(n: number): string {
  return ipaddr.IPv4.parse(String(n)).toString();
}

/** First and last address of a range, as numbers. */
export function cidrBounds(cidr: string): { first: number; last: number } {
  return {
    first: ipv4ToNumber(ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()),
    last: ipv4ToNumber(ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString()),
  };
}

/** The address `index` places after the first of a range; throws RangeError where the range has ended by then. */
export function addressAt(cidr: string, index: number): string {
  const { first, last } = cidrBounds(cidr);
  if (first + index > last) throw new RangeError(`${cidr} has no address number ${index}`);
  return numberToIpv4(first + index);
}

/** An IPv4 or IPv6 address in the one form that captures are read with (RFC 5952); null where it is none. */
export function canonicalAddress(text: string): string | null {
  if (!Ipv4.safeParse(text).success && !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.parse(text).toString();
}

/** Ranges by ipaddr.js's names. */
const PRIVATE = new Set(['private', 'carrierGradeNat', 'uniqueLocal', 'linkLocal', 'loopback']);

/** Tell whether an IPv4 or IPv6 address is not reached from the internet: of a private network, a carrier's, a link's or the host's own. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.has(ipaddr.parse(address).range());
}
