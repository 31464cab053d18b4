// Watches the traffic of a host's desktops, in the network namespace that the process lives in. Always: counters per flow in the kernel,
// no packet copied. In turn, a few seconds per active desktop: packet headers. Desktops come and go at any time; an existing table of a
// former process is taken over. Nothing here can hold up or drop a packet.
import { Mutex } from 'async-mutex';
import { isServerName } from '../../domain/model/address.js';
import { SamplingPolicy } from '../../domain/model/policy.js';
import { messageOf } from '../../domain/errors.js';
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import { SAMPLING_TABLE, renderRemoval, renderSamplingTable, renderWatch } from './counter-rules.js';
import type { FlowTable } from '../../domain/fingerprint/capture/flow-table.js';
import { ruledOutBy, sampleOf } from '../../domain/fingerprint/session/desktop-sample.js';
import type { Look } from '../../domain/fingerprint/session/sampling-schedule.js';
import { countersSince, parseCounters, type DesktopFlow } from './flow-counters.js';
import type { RunCommand, WatchedDesktop } from './watched-desktop.js';
import type { ServerNames } from './server-names.js';
import {
  addFlow,
  beginLook,
  beginWatch,
  endLook,
  endTurn,
  flowOnPort,
  forgetSample,
  portsOf,
  type Watch,
} from './watch.js';
import { captureTap } from './tap-capture.js';
import { trafficWindow, type PresentPeer } from '../../domain/fingerprint/session/traffic-window.js';

export interface TrafficSamplerOptions {
  readonly run: RunCommand;
  /** In force until `setPolicy`; the schema's defaults unless given. */
  readonly policy?: SamplingPolicy;
  /** Resolves the servers that the policy names; without it names are not counted. */
  readonly serverNames?: ServerNames;
  readonly presentPeer?: PresentPeer;
  readonly table?: string;
  /** Put before tcpdump's command, e.g. to enter a network namespace; nothing where the process lives in the right one. */
  readonly capturePrefix?: readonly string[];
  /** How long one desktop's headers are looked at, milliseconds; a 2 s rhythm still gives two cycles. */
  readonly sampleMs?: number;
  /** As long as a look may become when it cannot tell a slow server from a still screen, milliseconds. */
  readonly sampleMostMs?: number;
  /** From one sample of a desktop to its next; below the shadow loop's cycle of 30 s. */
  readonly sampleEveryMs?: number;
  /** Taps looked at simultaneously: 50 active desktops get their turn within 30 s. */
  readonly parallel?: number;
  /** From one reading of the counters to the next, which also starts samples. */
  readonly turnMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told what goes wrong; sampling goes on. */
  readonly onProblem?: (message: string) => void;
}

export class TrafficSampler {
  readonly #run: RunCommand;
  readonly #serverNames: ServerNames | undefined;
  readonly #options: Required<
    Pick<TrafficSamplerOptions, 'sampleMs' | 'sampleMostMs' | 'sampleEveryMs' | 'parallel' | 'turnMs'>
  >;
  readonly #presentPeer: PresentPeer | undefined;
  readonly #table: string;
  readonly #capturePrefix: readonly string[];
  readonly #now: () => number;
  readonly #onProblem: (message: string) => void;
  readonly #watches = new Map<string, Watch>();
  readonly #samples = new Set<Promise<void>>();
  #policy: SamplingPolicy;
  #before = new Map<string, DesktopFlow>();
  #timer: NodeJS.Timeout | undefined;
  readonly #reading = new Mutex();

  constructor(options: TrafficSamplerOptions) {
    this.#run = options.run;
    this.#policy = options.policy ?? SamplingPolicy.parse({});
    this.#serverNames = options.serverNames;
    this.#serverNames?.use(this.#policy.sensitiveServers.filter(isServerName));
    this.#presentPeer = options.presentPeer;
    this.#table = options.table ?? SAMPLING_TABLE;
    this.#capturePrefix = options.capturePrefix ?? [];
    this.#now = options.now ?? Date.now;
    this.#onProblem = options.onProblem ?? (() => undefined);
    const { sampleMs = 5_000, sampleEveryMs = 20_000, parallel = 10, turnMs = 3_000 } = options;
    const { sampleMostMs = 2 * sampleMs } = options;
    this.#options = { sampleMs, sampleMostMs, sampleEveryMs, parallel, turnMs };
  }

  /** Work by another policy from now on. What the old one's ports or content rate made of the headers is looked at anew. */
  setPolicy(policy: SamplingPolicy): void {
    const changed = sampleBasis(policy) !== sampleBasis(this.#policy);
    this.#policy = policy;
    this.#serverNames?.use(policy.sensitiveServers.filter(isServerName));
    if (!changed) return;
    for (const watch of this.#watches.values()) {
      watch.busy?.abort();
      forgetSample(watch);
    }
  }

  /** Create or take over the table and begin to read it. What it counted before is not reported. */
  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    const watched = [...this.#watches.values()].map((w) => w.desktop);
    await this.#nft(renderSamplingTable({ name: this.#table, watched }));
    this.#before = await this.#counters();
    this.#timer = setInterval(() => void this.#turn(), this.#options.turnMs);
  }

  /** Begin to watch a desktop whose tap exists or is about to; watching it again after a change of tap is fine. */
  async watch(desktop: WatchedDesktop): Promise<void> {
    const old = this.#watches.get(desktop.id)?.desktop;
    if (old !== undefined && samePlace(old, desktop)) return;
    if (old !== undefined) await this.unwatch(desktop.id);
    this.#watches.set(desktop.id, beginWatch(desktop, this.#now()));
    if (this.#timer !== undefined) await this.#nft(renderWatch(this.#table, 'add', desktop));
  }

  /** Stop watching a desktop; unknown ones are fine. */
  async unwatch(id: string): Promise<void> {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.busy?.abort();
    if (this.#timer !== undefined) await this.#nft(renderWatch(this.#table, 'delete', watch.desktop));
  }

  /** Report every watched desktop's traffic since the last call, with its newest header sample. */
  async collect(): Promise<TrafficWindow[]> {
    await this.#read();
    const endMs = this.#now();
    return [...this.#watches.values()].map((watch) => {
      const window = trafficWindow({
        desktop: watch.desktop.id,
        startMs: Math.min(watch.sinceMs, endMs),
        endMs,
        flows: [...watch.flows.values()],
        sample: watch.sample,
        ruledOut: watch.ruledOut,
        remoteDesktopPorts: portsOf(watch, this.#policy),
        relayPorts: this.#policy.relayPorts,
        presentPeer: this.#presentPeer,
        serverNames: this.#serverNames,
      });
      // The user came from elsewhere: look again at the next turn.
      if (watch.sample !== undefined && window.cycles === undefined) forgetSample(watch);
      watch.flows = new Map();
      watch.sinceMs = endMs;
      return window;
    });
  }

  /** Stop; with `remove` take the table away too (not while a move holds packets), else counting goes on for the next process. */
  async stop(options: { remove?: boolean } = {}): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const watch of this.#watches.values()) watch.busy?.abort();
    await Promise.all(this.#samples);
    await this.#reading.waitForUnlock();
    if (options.remove === true) await this.#nft(renderRemoval(this.#table));
  }

  async #turn(): Promise<void> {
    this.#serverNames?.refresh();
    try {
      await this.#read();
    } catch (error) {
      this.#onProblem(`cannot read the traffic counters: ${messageOf(error)}`);
      await this.#restore();
      return;
    }
    const nowMs = this.#now();
    const due = [...this.#watches.values()]
      .flatMap((watch) => {
        const look = endTurn(watch, this.#policy, { nowMs, ...this.#options });
        return look === null ? [] : [{ watch, look }];
      })
      .sort((a, b) => a.watch.sampledAtMs - b.watch.sampledAtMs);
    for (const { watch, look } of due.slice(0, Math.max(0, this.#options.parallel - this.#samples.size))) {
      const sample = this.#sample(watch, look).finally(() => this.#samples.delete(sample));
      this.#samples.add(sample);
    }
  }

  async #sample(watch: Watch, look: Look): Promise<void> {
    const { tap, internalAddress } = watch.desktop;
    const abort = beginLook(watch, look, this.#now());
    try {
      const known = flowOnPort(watch, this.#policy);
      const summed = (seen: FlowTable, watchedMs: number) =>
        sampleOf(seen, {
          remoteDesktopPorts: portsOf(watch, this.#policy),
          relayPorts: this.#policy.relayPorts,
          previous: watch.sample?.cycles.flow,
          takenAtMs: this.#now(),
          watchedMs,
          assumedFps: this.#policy.assumedContentFps,
        });
      const { table, watchedMs } = await captureTap({
        tap,
        internalAddress,
        port: known,
        durationMs: this.#options.sampleMs,
        mostMs: this.#options.sampleMostMs,
        isEnough: (seen, ms) => {
          const soFar = summed(seen, ms);
          if (soFar?.cycles.doubt !== 'work-or-wait') return true;
          // A report that comes meanwhile has this much.
          watch.sample = soFar;
          return false;
        },
        signal: abort.signal,
        prefix: this.#capturePrefix,
      });
      if (abort.signal.aborted) return;
      watch.sample = summed(table, watchedMs);
      watch.ruledOut = ruledOutBy(table);
    } catch (error) {
      if (!abort.signal.aborted) this.#onProblem(messageOf(error));
    } finally {
      endLook(watch, abort.signal.aborted, this.#now());
    }
  }

  /** Somebody flushed the ruleset: put the table back, counting from zero. */
  async #restore(): Promise<void> {
    const watched = [...this.#watches.values()].map((w) => w.desktop);
    try {
      await this.#nft(renderSamplingTable({ name: this.#table, watched }));
    } catch (error) {
      this.#onProblem(`cannot restore the traffic counters: ${messageOf(error)}`);
    }
  }

  /** One reading after the other, so that no counter is taken twice. */
  #read(): Promise<void> {
    return this.#reading.runExclusive(async () => {
      const now = await this.#counters();
      const changed = countersSince(this.#before, now);
      this.#before = now;
      const byAddress = new Map([...this.#watches.values()].map((w) => [w.desktop.internalAddress, w]));
      for (const flow of changed) {
        const watch = byAddress.get(flow.address);
        if (watch === undefined) continue;
        addFlow(watch, flow);
      }
    });
  }

  async #counters(): Promise<Map<string, DesktopFlow>> {
    return parseCounters(await this.#run(['nft', '-j', 'list', 'table', 'inet', this.#table]));
  }

  async #nft(input: string): Promise<void> {
    await this.#run(['nft', '-f', '-'], { input });
  }
}

/** What a header sample depends on, to compare. */
function sampleBasis({ remoteDesktopPorts, relayPorts, assumedContentFps }: SamplingPolicy): string {
  return JSON.stringify([remoteDesktopPorts, relayPorts, assumedContentFps]);
}

function samePlace(a: WatchedDesktop, b: WatchedDesktop): boolean {
  return (
    a.tap === b.tap && a.internalAddress === b.internalAddress && a.remoteDesktopPort === b.remoteDesktopPort
  );
}
