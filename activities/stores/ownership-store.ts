// Ownership records on this host, one file a desktop, fsynced before anything follows from them. Changes go through the pure
// transitions of domain/migration/ownership.ts, one at a time.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OwnershipRecord } from '../../domain/migration/ownership.js';
import { parseInput } from '../../domain/model/parse.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { readTextIfThere, writeDurably } from '../../os/durable-file.js';

export class OwnershipStore {
  readonly #dir: string;
  #last: Promise<unknown> = Promise.resolve();

  /** `dir` is made when the first record is written. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Read a desktop's record, null when this host never had anything to do with it. */
  async read(desktop: DesktopId): Promise<OwnershipRecord | null> {
    const path = this.#path(desktop);
    const text = await readTextIfThere(path);
    return text === null
      ? null
      : parseInput(OwnershipRecord, JSON.parse(text), `ownership record ${path}`, 'INTERNAL');
  }

  /** Apply a transition and write its result before returning it; transitions of all desktops are serialised. */
  async change(
    desktop: DesktopId,
    transition: (record: OwnershipRecord | null) => OwnershipRecord,
  ): Promise<OwnershipRecord> {
    const run = this.#last.then(async () => {
      const before = await this.read(desktop);
      const after = transition(before);
      if (after !== before) {
        await mkdir(this.#dir, { recursive: true });
        await writeDurably(this.#path(desktop), `${JSON.stringify(after)}\n`);
      }
      return after;
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** All records of this host. */
  async list(): Promise<OwnershipRecord[]> {
    const names = await readdir(this.#dir).catch(() => []);
    const desktops = names
      .filter((n) => n.endsWith('.json'))
      .map((n) => n.slice(0, -'.json'.length) as DesktopId);
    const records = await Promise.all(desktops.map((d) => this.read(d)));
    return records.filter((r) => r !== null);
  }

  #path(desktop: DesktopId): string {
    return join(this.#dir, `${desktop}.json`);
  }
}
