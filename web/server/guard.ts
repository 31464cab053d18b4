// Who may ask: names of this machine that a request may call it by (a page of a stranger whose name was pointed here says another one:
// DNS rebinding), and the token of a server that is reached from elsewhere. Pure.
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';

export const COOKIE = 'vmshadow-web';

/** What browsers call this machine at loopback. */
const OWN_NAME = 'localhost';

/** A Host header: a name or an address, and a port. */
const HostHeader = z
  .string()
  .max(255)
  .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/)
  .transform((text) =>
    text
      .replace(/:\d{1,5}$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase(),
  );

/** Tell whether a request may be meant for us: it was sent to an address, which no rebinding has, or to one of our names. */
export function isOurs(hostHeader: string | undefined, names: readonly string[]): boolean {
  const { data: name } = HostHeader.safeParse(hostHeader);
  return name !== undefined && (isIP(name) !== 0 || name === OWN_NAME || names.includes(name));
}

/** Compare in a time that tells nothing of how much of it is right. */
export function isToken(given: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/** The token that a request brings: as a program sends it, or as the page's cookie. */
export function tokenIn(headers: {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}): string | undefined {
  const [, bearer] = /^Bearer ([\w-]+)$/.exec(headers.authorization ?? '') ?? [];
  const cookies = (headers.cookie ?? '').split(';').map((part) => part.trim().split('='));
  return bearer ?? cookies.find(([name]) => name === COOKIE)?.[1];
}
