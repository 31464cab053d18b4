// The port LinkCap over ./rate-cap: one htb class a move at the uplink, for its disk and memory together, or nothing where the
// operator shapes elsewhere. What is capped is kept on the disk: a restarted dom0 must still be able to take it away.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Mutex } from 'async-mutex';
import { z } from 'zod';
import type { LinkCap } from '../../ports/uplink.js';
import { Ipv4, Port } from '../../domain/model/address.js';
import type { Dom0Config } from '../../domain/model/dom0.js';
import { parseInput } from '../../domain/model/parse.js';
import { isMissing, readTextIfThere, removeDurably, writeDurably } from '../../os/durable-file.js';
import { capTraffic, uncapTraffic } from './rate-cap.js';

const Record = z.object({ peer: Ipv4, ports: z.array(Port) });
type Record = z.infer<typeof Record>;
const Wanted = z.object({ peer: Ipv4, port: Port, mbps: z.number().positive() });
const SUFFIX = '.json';

export class UplinkCap implements LinkCap {
  readonly #dir: string;
  readonly #device: string | null;
  readonly #changing = new Mutex();

  constructor(config: Pick<Dom0Config, 'stateDir' | 'uplink' | 'shapeUplink'>) {
    this.#dir = join(config.stateDir, 'caps');
    this.#device = config.shapeUplink ? config.uplink : null;
  }

  async cap(moveId: string, peer: string, port: number, mbps: number): Promise<void> {
    const device = this.#device;
    const wanted = parseInput(Wanted, { peer, port, mbps }, `the cap of ${moveId}`);
    if (device === null) return;
    await this.#changing.runExclusive(async () => {
      const before = await this.#read(moveId);
      const ports = [...new Set([...(before?.ports ?? []), port])];
      await mkdir(this.#dir, { recursive: true });
      await this.#takeFromOthers(moveId, wanted);
      await this.#write(moveId, { peer, ports });
      await capTraffic({ device, peer, ports, mbps });
    });
  }

  async uncap(moveId: string): Promise<void> {
    const device = this.#device;
    if (device === null) return;
    await this.#changing.runExclusive(async () => {
      const record = await this.#read(moveId);
      if (record === null) return;
      if (record.ports.length > 0) await uncapTraffic({ device, ...record });
      await removeDurably(this.#path(moveId));
    });
  }

  /** A port serves one move at a time: a move that had it before must not take the cap of this one away. */
  async #takeFromOthers(moveId: string, { peer, port }: z.infer<typeof Wanted>): Promise<void> {
    for (const other of await this.#moves()) {
      const record = other === moveId ? null : await this.#read(other);
      if (record?.peer !== peer || !record.ports.includes(port)) continue;
      await this.#write(other, { peer, ports: record.ports.filter((p) => p !== port) });
    }
  }

  async #moves(): Promise<string[]> {
    try {
      const names = await readdir(this.#dir);
      return names.filter((n) => n.endsWith(SUFFIX)).map((n) => n.slice(0, -SUFFIX.length));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #read(moveId: string): Promise<Record | null> {
    const text = await readTextIfThere(this.#path(moveId));
    return text === null ? null : parseInput(Record, JSON.parse(text), `the cap of ${moveId}`, 'INTERNAL');
  }

  #write(moveId: string, record: Record): Promise<void> {
    return writeDurably(this.#path(moveId), JSON.stringify(record));
  }

  #path(moveId: string): string {
    return join(this.#dir, `${moveId}${SUFFIX}`);
  }
}
