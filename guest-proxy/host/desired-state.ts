// Keeps what the kernel holds as the records want it (promise 12): whatever somebody else takes away is put back, counted and said. Rules at
// once, since the kernel tells of their change; addresses, taps and settings at the next look.
import { messageOf } from '../../domain/errors.js';
import type { InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { Logger } from '../logger.js';
import { ChangeWatch } from '../planes/kernel/change-watch.js';
import { announceAddress } from './announce.js';
import type { HoldQueue } from './hold-queue.js';
import type { HostState } from './host-state.js';
import { lookAtKernel } from './kernel-look.js';
import { Standing } from './standing.js';
import { addExternal, forwards, prepareHost } from './tap.js';

/** What was taken away is back within this and the time of a look. */
const LOOK_MS = 2_000;

export interface DesiredStateOptions {
  readonly uplink: string;
  readonly state: HostState;
  readonly queue: HoldQueue;
  /** Put back what the relays of earlier sites need, and say what it was. */
  readonly keepRelays: () => Promise<string[]>;
  readonly logger: Logger;
  /** Make a desktop's tap, with all that belongs to it, where something of it is missing. */
  readonly plugIn: (desktop: DesktopId, network: InternalNetwork) => Promise<unknown>;
}

export class DesiredState {
  readonly #options: DesiredStateOptions;
  readonly #changes = new ChangeWatch(() => {
    this.#inTurn(() => this.#keepRules(), 'could not look at the rules');
  });
  #timer: NodeJS.Timeout | null = null;
  /** One look after the other; one that fails is said and does not end them. */
  #looking: Promise<void> = Promise.resolve();
  readonly #addresses = new Standing();
  /** What was put back since the start, by kind. */
  readonly #restored = new Map<string, { times: number; what: string; atMs: number }>();

  constructor(options: DesiredStateOptions) {
    this.#options = options;
  }

  /** Look from now on, until `stop`. */
  start(): void {
    this.#lookLater();
    this.#changes.start();
  }

  /** Look no more; waits for a look that has begun. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#changes.stop();
    await this.#looking;
  }

  /** What was put back since the start, in words. */
  notes(): string[] {
    return [...this.#restored.values()].map(
      ({ times, what, atMs }) =>
        `somebody else took away ${what}, last at ${new Date(atMs).toISOString()}, ${String(times)} times of this kind since dom0 started: each was put back; find out which program does it`,
    );
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#inTurn(() => this.#keepAll(), 'could not look at the kernel');
      void this.#looking.then(() => {
        if (this.#timer !== null) this.#lookLater();
      });
    }, LOOK_MS);
  }

  #inTurn(look: () => Promise<void>, failed: string): void {
    this.#looking = this.#looking
      .then(look)
      .catch((e: unknown) => this.#options.logger.warn({ error: messageOf(e) }, failed));
  }

  async #keepRules(): Promise<void> {
    if (await this.#options.state.keepInForce()) this.#putBack('rules', 'the rules of this host');
  }

  /** Compare what the kernel holds with what the records want, and put back what is missing. */
  async #keepAll(): Promise<void> {
    const { uplink, state, queue, keepRelays } = this.#options;
    await this.#keepRules();
    if (await queue.keepRule()) this.#putBack('queueRule', 'the rule that queues held packets');
    for (const what of await keepRelays()) this.#putBack('relays', what);
    if (!(await forwards())) {
      await prepareHost(uplink);
      this.#putBack('forwarding', 'net.ipv4.ip_forward');
    }
    const look = await lookAtKernel();
    for (const { desktop, network } of state.all())
      if (network !== null && look.lackOf(desktop, network) !== null) await this.#mendTap(desktop);
    const missing = this.#addresses.look(state.addresses(), (address) => look.has(uplink, address));
    for (const { name, stood } of missing) await this.#mendAddress(name, stood);
  }

  /** Under the lock, and looked at again: what has been taken away meanwhile is not put back. */
  #mendTap(desktop: DesktopId): Promise<void> {
    const { state, plugIn, logger } = this.#options;
    return state.exclusively(async () => {
      const network = state.find(desktop)?.network ?? null;
      const lack = network === null ? null : (await lookAtKernel()).lackOf(desktop, network);
      if (network === null || lack === null) return;
      await plugIn(desktop, network);
      this.#putBack('taps', `the tap of ${desktop} (${lack})`);
      if (lack === 'the device')
        logger.error(
          { desktop },
          'the tap was deleted under a running desktop: its network is back when it is stopped and started, or moved',
        );
    });
  }

  #mendAddress(address: string, stood: boolean): Promise<void> {
    const { state, uplink, logger } = this.#options;
    return state.exclusively(async () => {
      if (!state.addresses().includes(address)) return;
      if ((await lookAtKernel()).has(uplink, address)) return;
      await addExternal(uplink, address);
      void announceAddress(uplink, address, logger);
      if (stood) this.#putBack('addresses', `the address ${address}`);
    });
  }

  #putBack(kind: string, what: string): void {
    const times = (this.#restored.get(kind)?.times ?? 0) + 1;
    this.#restored.set(kind, { times, what, atMs: Date.now() });
    this.#options.logger.warn({ kind, times }, `somebody else took away ${what}: put back`);
  }
}
