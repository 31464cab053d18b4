// Which planned moves may start now: limits in all and per host (both ends count), best gain first.
import { hostKey, type HostRef } from '../model/ids.js';
import type { Limits } from '../model/cloud.js';

export interface Ends {
  readonly from: HostRef;
  readonly to: HostRef;
}

export interface Admission<M> {
  readonly admitted: readonly M[];
  readonly waiting: readonly { readonly move: M; readonly reason: string }[];
}

/** Admit moves in the given order while the limits hold; say why each other one waits. */
export function admit<M extends Ends>(
  wanted: readonly M[],
  underWay: readonly Ends[],
  limits: Limits,
): Admission<M> {
  const perHost = new Map<string, number>();
  const count = (e: Ends) => {
    for (const host of [e.from, e.to]) perHost.set(hostKey(host), (perHost.get(hostKey(host)) ?? 0) + 1);
  };
  underWay.forEach(count);
  let inAll = underWay.length;
  const admitted: M[] = [];
  const waiting: { move: M; reason: string }[] = [];
  for (const move of wanted) {
    const busy = [move.from, move.to]
      .map(hostKey)
      .filter((h) => (perHost.get(h) ?? 0) >= limits.movesPerHost);
    if (inAll >= limits.movesInAll)
      waiting.push({
        move,
        reason: `${String(inAll)} moves are under way, the limit is ${String(limits.movesInAll)}`,
      });
    else if (busy.length > 0)
      waiting.push({
        move,
        reason: `${busy.join(' and ')} has ${String(limits.movesPerHost)} under way, its limit`,
      });
    else {
      admitted.push(move);
      count(move);
      inAll++;
    }
  }
  return { admitted, waiting };
}
