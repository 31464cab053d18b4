// The client proxy's state: loaded once, recorded and put in force on each change. HELLO stamps are reserved in blocks, so that they grow
// over restarts also on a machine whose clock does not.
import { parseInput } from '../../domain/model/parse.js';
import { isNotDurable } from '../../os/record-errors.js';
import { RecordFile } from '../../os/record-file.js';
import type { RecordStoreOptions } from '../../os/record-store.js';
import type { ClientPlane } from '../planes/plane.js';
import type { ClientConfig } from '../protocol/client-config.js';
import { clientRules } from '../rules/client-rules.js';
import { addressesOf, ClientState, stateAtStart } from './client-state.js';

/** HELLOs of one run; at five a second this lasts for years. */
const STAMPS_A_RUN = 1_000_000_000;

export class ClientStore {
  readonly #path: string;
  readonly #file: RecordFile<typeof ClientState>;
  readonly #config: ClientConfig;
  readonly #plane: ClientPlane;
  #stamp = 0;
  #state: ClientState;
  /** The last state that was surely recorded. */
  #recorded: ClientState;
  #inForce = false;
  /** How the kernel shows the rules; null: not read since they were changed. */
  #shown: string | null = null;

  constructor(
    path: string,
    config: ClientConfig,
    plane: ClientPlane,
    options: Pick<RecordStoreOptions, 'files'> = {},
  ) {
    this.#path = path;
    this.#file = new RecordFile(path, ClientState, "client's state", options);
    this.#config = config;
    this.#plane = plane;
    this.#state = this.#recorded = this.#initial();
  }

  get state(): ClientState {
    return this.#state;
  }

  /** A state that is still to be saved. */
  set state(next: ClientState) {
    this.#state = next;
  }

  /** The state is recorded, and its rules are in force; false when the last try has failed. */
  get inForce(): boolean {
    return this.#inForce;
  }

  /** Load the state; begin afresh where there is none, or the configuration is newer. Nothing is in force yet. */
  async load(nowMs: number): Promise<void> {
    const saved = await this.#file.get();
    const state = stateAtStart(saved, this.#initial(), nowMs);
    const stampBase = Math.max(Math.floor(nowMs), (saved?.stampBase ?? 0) + STAMPS_A_RUN);
    this.#stamp = stampBase;
    await this.save(parseInput(ClientState, { ...state, stampBase }, this.#path));
  }

  /** Make `next` the state, at once, and record it. When that fails, the state is what stands on the disk. */
  async save(next: ClientState): Promise<void> {
    this.#state = next;
    try {
      await this.#file.put(next);
      this.#recorded = next;
    } catch (error) {
      this.#recorded = await this.#standing();
      // A newer state may have come meanwhile; it is recorded by itself.
      if (this.#state === next) this.#state = this.#recorded;
      throw error;
    }
  }

  /** As `save`, and put the rules in force; after a crash in between, the next run makes them anew from the record. */
  async apply(next: ClientState): Promise<void> {
    this.#inForce = false;
    this.#shown = null;
    const rules = clientRules(next.flows, addressesOf(next));
    const done = await Promise.allSettled([this.save(next), this.#plane.apply(next.desktop, rules)]);
    for (const part of done) if (part.status === 'rejected') throw part.reason;
    this.#inForce = true;
  }

  /** Put the rules back where somebody else has changed or removed them (promise 12); true where that was so. */
  async keepInForce(): Promise<boolean> {
    const { desktop, flows } = this.#state;
    const known = this.#shown;
    const standing = await this.#plane.standing(desktop);
    if (known !== null && standing === known) return false;
    await this.#plane.apply(desktop, clientRules(flows, addressesOf(this.#state)));
    this.#shown = await this.#plane.standing(desktop);
    // Rules that were just put in force and not read back yet are there, whatever they look like.
    return known !== null || standing === null;
  }

  async remove(): Promise<void> {
    await this.#file.remove();
  }

  nextStamp(): number {
    this.#stamp += 1;
    return this.#stamp;
  }

  async #standing(): Promise<ClientState> {
    try {
      return (await this.#file.get()) ?? this.#recorded;
    } catch (error) {
      return isNotDurable(error) && error.record !== null ? (error.record as ClientState) : this.#recorded;
    }
  }

  #initial(): ClientState {
    const { desktop, issuedAtMs, external, epoch } = this.#config;
    return {
      version: 1,
      desktop,
      issuedAtMs,
      epoch,
      hostKey: null,
      current: external,
      left: [],
      previous: null,
      pending: null,
      flows: [],
      vouched: [],
      stampBase: 0,
    };
  }
}
