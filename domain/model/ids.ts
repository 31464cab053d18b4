// Branded identifiers. They appear in workflow IDs, task queues, file names and interface names: hence the narrow alphabet.
import { z } from 'zod';

const label = (what: string) =>
  z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
      `${what} must be 1 to 32 of a-z, 0-9 and '-', not starting or ending with '-'`,
    );

export const SiteId = label('a site id').brand<'SiteId'>();
export type SiteId = z.infer<typeof SiteId>;

export const HostId = label('a host id').brand<'HostId'>();
export type HostId = z.infer<typeof HostId>;

export const DesktopId = label('a desktop id').brand<'DesktopId'>();
export type DesktopId = z.infer<typeof DesktopId>;

export const PoolId = label('a pool id').brand<'PoolId'>();
export type PoolId = z.infer<typeof PoolId>;

/** A host is named by its site and its own id. */
export const HostRef = z.object({ site: SiteId, host: HostId });
export type HostRef = z.infer<typeof HostRef>;

/** `us-west/h1`: for maps, logs and certificates (common name). */
export function hostKey(ref: HostRef): string {
  return `${ref.site}/${ref.host}`;
}

/** Tell whether two references name the same host. */
export function sameHost(a: HostRef, b: HostRef): boolean {
  return a.site === b.site && a.host === b.host;
}

/** Names a move's files, exports and interfaces; as `moveIdOf` makes it. */
export const MoveId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a move id must be 1 to 63 of a-z, 0-9 and '-', not starting with '-'");

/**
 * Name a move of `desktop` after its workflow run: the run's last 12 hex digits, which are random. Temporal's run IDs are UUIDv7
 * (RFC 9562): their first digits are the time, the same for every run within a minute.
 */
export function moveIdOf(desktop: DesktopId, runId: string): string {
  return `${desktop}-${runId.slice(-12)}`;
}

/** The desktop that a move of this id is of; null for an id that `moveIdOf` has not made. */
export function desktopOfMove(moveId: string): DesktopId | null {
  const desktop = /^(.+)-[a-z0-9]{1,12}$/.exec(moveId)?.[1];
  return DesktopId.safeParse(desktop).data ?? null;
}
