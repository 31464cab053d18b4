// Capacity that this host has promised to moves under way, one file a move: it survives the worker and counts as used until released.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { readTextIfThere, writeDurably } from '../../os/durable-file.js';

export const Reservation = z.object({
  moveId: z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a move id'),
  definition: DesktopDefinition,
  from: HostRef,
  /** The epoch that this host would own. */
  epoch: z.number().int().min(2),
  atMs: z.number(),
  /** The address that the desktop's users know so far; known from the switchover on. */
  oldExternal: z.string().nullable().default(null),
});
export type Reservation = z.infer<typeof Reservation>;

export class ReservationStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async put(reservation: Reservation): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    await writeDurably(this.#path(reservation.moveId), `${JSON.stringify(reservation)}\n`);
  }

  async get(moveId: string): Promise<Reservation | null> {
    const path = this.#path(moveId);
    const text = await readTextIfThere(path);
    return text === null
      ? null
      : parseInput(Reservation, JSON.parse(text), `reservation ${path}`, 'INTERNAL');
  }

  async remove(moveId: string): Promise<void> {
    await rm(this.#path(moveId), { force: true });
  }

  async list(): Promise<Reservation[]> {
    const names = await readdir(this.#dir).catch(() => []);
    const all = await Promise.all(
      names.filter((n) => n.endsWith('.json')).map((n) => this.get(n.slice(0, -'.json'.length))),
    );
    return all.filter((r) => r !== null);
  }

  #path(moveId: string): string {
    return join(this.#dir, `${moveId}.json`);
  }
}
