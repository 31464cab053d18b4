// Keeps the traffic sampler on the desktops that this host owns: one that comes, goes or moves is picked up without a restart.
import { Mutex } from 'async-mutex';
import type { TrafficSource } from '../../ports/traffic.js';
import type { TrafficSampler } from './sampler.js';
import type { DesktopRuntime, Hypervisor } from '../../ports/hypervisor.js';
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import { isOff } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';

/** A new desktop is watched within this time; the shadow loop's cycle is longer. */
const LOOK_EVERY_MS = 3_000;

export interface DesktopTrafficOptions {
  readonly sampler: TrafficSampler;
  readonly hypervisor: Pick<Hypervisor, 'list'>;
  /** Tells whether this host owns the desktop: only then is its traffic ours to report. */
  readonly owns: (desktop: DesktopId) => Promise<boolean>;
  readonly tapOf: (desktop: DesktopId) => string;
  readonly onProblem: (error: unknown) => void;
}

export class DesktopTraffic implements TrafficSource {
  readonly #options: DesktopTrafficOptions;
  readonly #watched = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  readonly #looking = new Mutex();

  constructor(options: DesktopTrafficOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#options.sampler.start();
    const look = () => this.#look(() => this.#options.hypervisor.list());
    await look();
    this.#timer = setInterval(() => void look().catch(this.#options.onProblem), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking.waitForUnlock();
    await this.#options.sampler.stop();
  }

  async collect(policy: SamplingPolicy, desktops: readonly DesktopRuntime[]): Promise<TrafficWindow[]> {
    this.#options.sampler.setPolicy(policy);
    await this.#look(() => Promise.resolve(desktops));
    return this.#options.sampler.collect();
  }

  /** One look at a time: a slow one must not overtake the next. */
  #look(list: () => Promise<readonly DesktopRuntime[]>): Promise<void> {
    return this.#looking.runExclusive(async () => this.#follow(await list()));
  }

  async #follow(desktops: readonly DesktopRuntime[]): Promise<void> {
    const { sampler, owns, tapOf } = this.#options;
    const present = new Set<string>();
    for (const { definition, state } of desktops) {
      if (isOff(state) || !(await owns(definition.id))) continue;
      present.add(definition.id);
      if (this.#watched.has(definition.id)) continue;
      const { address: internalAddress } = definition.network;
      await sampler.watch({
        id: definition.id,
        tap: tapOf(definition.id),
        internalAddress,
        remoteDesktopPort: definition.remoteDesktopPort,
      });
      this.#watched.add(definition.id);
    }
    for (const id of [...this.#watched].filter((w) => !present.has(w))) {
      await sampler.unwatch(id);
      this.#watched.delete(id);
    }
  }
}
