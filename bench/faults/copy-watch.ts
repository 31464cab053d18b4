// Watches from outside the product which copies of the desktop run: a guest that runs sends (its user reads a stream from it), and its tap's
// counters tell. A change of place falls into one look; two looks with packets from both, or packets of one after the other's, are two copies.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartedCommand } from '../../os/start-command.js';
import { OwnershipRecord } from '../../domain/migration/ownership.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { tapName } from '../../guest-proxy/host/tap.js';
import type { LabCloud } from '../../lab/cloud/lab-cloud.js';

const LOOK_MS = 50;
/** What QEMU itself announces for a copy that only stands ready are a few frames of 60 bytes. */
const GUEST_BYTES = 500;

const ONE_SPAN_S = 0.5;

interface Look {
  readonly atMs: number;
  readonly sent: readonly string[];
}

/** What a host's record of the desktop says; null for none (or one that is being replaced). */
export function recordAt(cloud: LabCloud, host: string, desktop: DesktopId): OwnershipRecord | null {
  const file = join(cloud.dir, 'hosts', host, 'state', 'ownership', `${desktop}.json`);
  try {
    return OwnershipRecord.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

export class CopyWatch {
  readonly #cloud: LabCloud;
  readonly #desktop: DesktopId;
  readonly #tap: string;
  /** A process in each host's namespace, whose view of its devices is read. */
  readonly #anchors: ReadonlyMap<string, StartedCommand>;
  readonly #timer: NodeJS.Timeout;
  readonly #bytes = new Map<string, number>();
  readonly #looks: Look[] = [];
  #bothOwned = false;

  constructor(cloud: LabCloud, desktop: DesktopId) {
    this.#cloud = cloud;
    this.#desktop = desktop;
    this.#tap = tapName(desktop);
    this.#anchors = new Map(
      cloud.world.plan.hosts.map(({ name, namespace }) => [
        name,
        cloud.world.spawn(namespace, ['sleep', 'infinity']),
      ]),
    );
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Seconds from `sinceMs` in which no copy sent anything, at the longest. */
  stillS(sinceMs: number): number {
    const sent = this.#looks.filter((l) => l.atMs >= sinceMs && l.sent.length > 0).map((l) => l.atMs);
    const times = [sinceMs, ...sent, this.#looks.at(-1)?.atMs ?? sinceMs];
    return Math.max(0, ...times.slice(1).map((at, i) => at - times[i]!)) / 1_000;
  }

  /** Who sent when, s from a time on. */
  sent(sinceMs: number): [string, number, number][] {
    const spans: [string, number, number][] = [];
    for (const { atMs, sent } of this.#looks)
      for (const host of sent) {
        const at = Math.round(atMs - sinceMs) / 1_000;
        const last = spans.findLast(([name]) => name === host);
        if (last !== undefined && at - last[2] < ONE_SPAN_S) last[2] = at;
        else spans.push([host, at, at]);
      }
    return spans;
  }

  /** The most copies that ran at a time since the watch began. */
  mostRunning(): number {
    const sent = this.#looks.flatMap((l) => (l.sent.length > 0 ? [l.sent] : []));
    const together = sent.filter((hosts) => hosts.length > 1).length;
    const order = sent.flatMap((hosts) => (hosts.length === 1 ? hosts : []));
    const changes = order.filter((host, i) => i > 0 && host !== order[i - 1]).length;
    return this.#bothOwned || together > 1 || changes > 1 ? 2 : Math.min(1, sent.length);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const anchor of this.#anchors.values()) anchor.kill('SIGKILL');
  }

  #look(): void {
    const hosts = [...this.#anchors];
    const sent = hosts.filter(([host, anchor]) => this.#hasSent(host, anchor)).map(([host]) => host);
    this.#looks.push({ atMs: Date.now(), sent });
    const owners = hosts.filter(([host]) => recordAt(this.#cloud, host, this.#desktop)?.state === 'owner');
    if (owners.length > 1) this.#bothOwned = true;
  }

  #hasSent(host: string, anchor: StartedCommand): boolean {
    const bytes = this.#received(anchor);
    const before = this.#bytes.get(host);
    if (bytes === null) return false;
    this.#bytes.set(host, bytes);
    // A tap that was made anew counts anew.
    return before !== undefined && bytes - before >= GUEST_BYTES;
  }

  /** What the tap has received: what the guest has sent. */
  #received(anchor: StartedCommand): number | null {
    try {
      const devices = readFileSync(`/proc/${String(anchor.pid)}/net/dev`, 'utf8');
      const line = devices.split('\n').find((l) => l.trim().startsWith(`${this.#tap}:`));
      const received = line?.split(':')[1]?.trim().split(/\s+/)[0];
      return received === undefined ? null : Number(received);
    } catch {
      return null;
    }
  }
}
