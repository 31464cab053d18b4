// The port LinkCap over ./rate-cap: one htb class a move at the uplink, for its disk and memory together, or nothing where the
// operator shapes elsewhere. What is capped is kept on the disk: a restarted dom0 must still be able to take it away.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LinkCap } from '../../ports/uplink.js';
import { Ipv4, Port } from '../../domain/model/address.js';
import type { Dom0Config } from '../../domain/model/dom0.js';
import { parseInput } from '../../domain/model/parse.js';
import { readTextIfThere, removeDurably, writeDurably } from '../../os/durable-file.js';
import { capTraffic, uncapTraffic } from './rate-cap.js';

const Record = z.object({ peer: Ipv4, ports: z.array(Port) });

export class UplinkCap implements LinkCap {
  readonly #dir: string;
  readonly #device: string | null;

  constructor(config: Pick<Dom0Config, 'stateDir' | 'uplink' | 'shapeUplink'>) {
    this.#dir = join(config.stateDir, 'caps');
    this.#device = config.shapeUplink ? config.uplink : null;
  }

  async cap(moveId: string, peer: string, port: number, mbps: number): Promise<void> {
    if (this.#device === null) return;
    const before = await this.#read(moveId);
    const ports = [...new Set([...(before?.ports ?? []), port])];
    await mkdir(this.#dir, { recursive: true });
    await writeDurably(this.#path(moveId), JSON.stringify({ peer, ports }));
    await capTraffic({ device: this.#device, peer, ports, mbps });
  }

  async uncap(moveId: string): Promise<void> {
    const record = await this.#read(moveId);
    if (record === null || this.#device === null) return;
    await uncapTraffic({ device: this.#device, ...record });
    await removeDurably(this.#path(moveId));
  }

  async #read(moveId: string): Promise<z.infer<typeof Record> | null> {
    const text = await readTextIfThere(this.#path(moveId));
    return text === null ? null : parseInput(Record, JSON.parse(text), `the cap of ${moveId}`, 'INTERNAL');
  }

  #path(moveId: string): string {
    return join(this.#dir, `${moveId}.json`);
  }
}
