// The client proxy's durable state: loaded once, saved on each change. HELLO stamps are reserved in blocks, so that they grow over
// restarts also on a machine whose clock does not.
import { Mutex } from 'async-mutex';
import { parseInput } from '../../domain/model/parse.js';
import { readJson, writeJson } from '../../os/durable-json.js';
import { removeDurably } from '../../os/durable-file.js';
import type { ClientConfig } from '../protocol/client-config.js';
import { ClientState } from './client-state.js';

/** HELLOs of one run; at five a second this lasts for years. */
const STAMPS_A_RUN = 1_000_000_000;

export class ClientStore {
  readonly #file: string;
  readonly #config: ClientConfig;
  #stamp = 0;
  #state: ClientState | null = null;
  readonly #saving = new Mutex();

  constructor(file: string, config: ClientConfig) {
    this.#file = file;
    this.#config = config;
  }

  get state(): ClientState {
    return this.#state ?? this.#initial();
  }

  set state(next: ClientState) {
    this.#state = next;
  }

  /** Load the state; begin afresh where there is none, or the configuration is newer. */
  async load(nowMs: number): Promise<void> {
    const saved = await readJson(this.#file, ClientState);
    const fresh = this.#initial();
    const usable = saved !== null && saved.desktop === fresh.desktop && saved.epoch >= fresh.epoch;
    const state = usable ? saved : fresh;
    const stampBase = Math.max(nowMs, (saved?.stampBase ?? 0) + STAMPS_A_RUN);
    this.#stamp = stampBase;
    this.#state = parseInput(ClientState, { ...state, stampBase }, this.#file);
    await this.save();
  }

  /** Save the present state; one write after the other. */
  async save(): Promise<void> {
    const { state } = this;
    await this.#saving.runExclusive(() => writeJson(this.#file, state));
  }

  async remove(): Promise<void> {
    await removeDurably(this.#file);
  }

  nextStamp(): number {
    this.#stamp += 1;
    return this.#stamp;
  }

  #initial(): ClientState {
    const { desktop, external, epoch } = this.#config;
    return {
      version: 1,
      desktop,
      epoch,
      hostKey: null,
      current: external,
      previous: null,
      pending: null,
      flows: [],
      stampBase: 0,
    };
  }
}
