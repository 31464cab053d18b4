// Asking many hosts, some at a time.

/**
 * While a workflow takes in reports, Temporal keeps further ones aside, 100 events and 2 MiB at most: beyond, it fails the workflow task
 * and begins it again. Forty reports of 100 desktops each stay below both.
 */
export const ASKED_AT_A_TIME = 40;

/** Work on all items, on at most `limit` at a time; results in the items' order. */
export function someAtATime<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  // By hand, not by p-map, and to the tick as before there was a limit: a loop under way replays its history on this code.
  if (items.length <= limit) return Promise.all(items.map(work));
  const results: R[] = [];
  let next = 0;
  const takeTurns = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  return Promise.all(Array.from({ length: limit }, takeTurns)).then(() => results);
}
