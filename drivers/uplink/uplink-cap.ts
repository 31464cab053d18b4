// The port LinkCap over ./rate-cap: one htb class a move at the uplink, for its disk and memory together, all under one
// of the budget where there is one; or nothing where the
// operator shapes elsewhere. What is capped is kept on the disk: a restarted dom0 must still be able to take it away.
import { join } from 'node:path';
import { Mutex } from 'async-mutex';
import { z } from 'zod';
import type { LinkCap } from '../../ports/uplink.js';
import { Ipv4, Port } from '../../domain/model/address.js';
import type { Dom0Config } from '../../domain/model/dom0.js';
import { parseInput } from '../../domain/model/parse.js';
import { RecordStore } from '../../os/record-store.js';
import { capTraffic, uncapTraffic } from './rate-cap.js';

const CapRecord = z.object({ peer: Ipv4, ports: z.array(Port) });
const Wanted = z.object({ peer: Ipv4, port: Port, mbps: z.number().positive() });

export class UplinkCap implements LinkCap {
  /** By move id. */
  readonly #records: RecordStore<typeof CapRecord>;
  readonly #device: string | null;
  readonly #budgetMbps: number | null;
  readonly #changing = new Mutex();

  constructor(config: Pick<Dom0Config, 'stateDir' | 'uplink' | 'shapeUplink' | 'movesMbps'>) {
    this.#records = new RecordStore(join(config.stateDir, 'caps'), CapRecord, 'record of a bandwidth cap');
    this.#device = config.shapeUplink ? config.uplink : null;
    this.#budgetMbps = config.movesMbps;
  }

  async cap(moveId: string, peer: string, port: number, mbps: number): Promise<void> {
    const device = this.#device;
    const wanted = parseInput(Wanted, { peer, port, mbps }, `the cap of ${moveId}`);
    if (device === null) return;
    await this.#changing.runExclusive(async () => {
      const before = await this.#records.get(moveId);
      const ports = [...new Set([...(before?.ports ?? []), port])];
      await this.#takeFromOthers(moveId, wanted);
      await this.#records.put(moveId, { peer, ports });
      await capTraffic({ device, peer, ports, mbps, budgetMbps: this.#budgetMbps });
    });
  }

  async uncap(moveId: string): Promise<void> {
    const device = this.#device;
    if (device === null) return;
    await this.#changing.runExclusive(async () => {
      const record = await this.#records.get(moveId);
      if (record === null) return;
      if (record.ports.length > 0) await uncapTraffic({ device, ...record });
      await this.#records.remove(moveId);
    });
  }

  async capped(): Promise<string[]> {
    return (await this.#records.entries()).map(([moveId]) => moveId);
  }

  /** A port serves one move at a time: a move that had it before must not take the cap of this one away. */
  async #takeFromOthers(moveId: string, { peer, port }: z.infer<typeof Wanted>): Promise<void> {
    for (const [other, record] of await this.#records.entries())
      if (other !== moveId && record.peer === peer && record.ports.includes(port))
        await this.#records.put(other, { peer, ports: record.ports.filter((p) => p !== port) });
  }
}
