// Which external address of a host's pool a desktop gets. Pure.

/**
 * Choose a free address of the pool, in turn: NATs remember connections of an address for a while after they have left it. One that is `kept` for old
 * connections is given away last, the one that has been kept longest. Undefined where all are used.
 */
export function nextAddress(
  pool: readonly string[],
  last: string | null,
  used: ReadonlySet<string>,
  kept: readonly string[],
): string | undefined {
  const next = last === null ? 0 : pool.indexOf(last) + 1;
  const unused = [...pool.slice(next), ...pool.slice(0, next)].filter((address) => !used.has(address));
  return (
    unused.find((address) => !kept.includes(address)) ?? kept.find((address) => unused.includes(address))
  );
}
