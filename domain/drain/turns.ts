// Who goes first when more wants to move than may at once: the parties (each place that is emptied, and the loop's own moves) take turns.

/**
 * Order moves so that each party gets as many as any other while it has some: the one with the fewest under way is next, equal ones in
 * the order of their first move. Within a party the order stays.
 */
export function inTurns<M extends E, E>(
  wanted: readonly M[],
  underWay: readonly E[],
  partyOf: (move: E) => string,
): M[] {
  const queues = new Map<string, M[]>();
  for (const move of wanted) {
    const queue = queues.get(partyOf(move));
    if (queue === undefined) queues.set(partyOf(move), [move]);
    else queue.push(move);
  }
  const parties = [...queues].map(([party, queue]) => ({
    queue,
    next: 0,
    count: underWay.filter((move) => partyOf(move) === party).length,
  }));
  return wanted.map(() => {
    const waiting = parties.filter((p) => p.next < p.queue.length);
    const party = waiting.reduce((best, p) => (p.count < best.count ? p : best));
    party.count++;
    return party.queue[party.next++] as M;
  });
}
