// IPv4 addresses and ranges as text, checked; and the few sums on them that allocation needs.
import { z } from 'zod';

const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4Pattern = new RegExp(`^${octet}(\\.${octet}){3}$`);

export const Ipv4 = z.string().regex(ipv4Pattern, 'expected an IPv4 address such as 198.51.100.10');
export const Port = z.number().int().min(1).max(65_535);

/** An endpoint in the form host:port, for addresses that another process connects to. */
export const Endpoint = z.object({ address: Ipv4, port: Port });
export type Endpoint = z.infer<typeof Endpoint>;

export const Cidr = z.string().refine((s) => {
  const [address, prefix, ...rest] = s.split('/');
  return (
    rest.length === 0 &&
    ipv4Pattern.test(address ?? '') &&
    /^\d{1,2}$/.test(prefix ?? '') &&
    Number(prefix) <= 32
  );
}, 'expected an IPv4 range such as 10.77.0.0/16');

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

/** The 32-bit number of a dotted address. */
export function ipv4ToNumber(address: string): number {
  return address.split('.').reduce((n, part) => n * 256 + Number(part), 0);
}

/** The dotted address of a 32-bit number. */
export function numberToIpv4(n: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');
}

/** First and last address of a range, as numbers. */
export function cidrBounds(cidr: string): { first: number; last: number } {
  const [address = '0.0.0.0', prefix = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(ipv4ToNumber(address) / size) * size;
  return { first, last: first + size - 1 };
}
