// Which host of a site takes one more desktop: the emptiest that fits, so that load spreads; ties by name, so that plans repeat.
import { shortages, type Capacity, type Needs } from '../model/capacity.js';
import { hostKey, type HostRef } from '../model/ids.js';

export interface HostRoom {
  readonly host: HostRef;
  readonly capacity: Capacity;
  readonly used: Capacity;
}

/** Choose a host for `needs`, or say what each one lacks. */
export function chooseHost(
  rooms: readonly HostRoom[],
  needs: Needs,
): { host: HostRef } | { lacking: string[] } {
  const judged = rooms.map((room) => ({ room, lacking: shortages(room.capacity, room.used, needs) }));
  const fitting = judged.filter((j) => j.lacking.length === 0).map((j) => j.room);
  const free = (room: HostRoom) => room.capacity.slots - room.used.slots;
  const [best] = fitting.sort((a, b) => free(b) - free(a) || hostKey(a.host).localeCompare(hostKey(b.host)));
  if (best !== undefined) return { host: best.host };
  return { lacking: judged.map((j) => `${hostKey(j.room.host)}: ${j.lacking.join('; ')}`) };
}
