// Addresses of the servers that the policy names, as seen from this site (geo-DNS answers by site). Asks in the background: whoever wants
// to know gets the last answer at once. A name that does not resolve keeps the addresses it had, and is told of once until it resolves again.
import { messageOf } from '../../domain/errors.js';

/** Gives the IPv4 addresses of a name; throws when there are none. */
export type ResolveName = (name: string) => Promise<readonly string[]>;

export interface ServerNamesOptions {
  readonly resolve: ResolveName;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told of each name that stops resolving. */
  readonly onProblem?: (message: string) => void;
}

interface Known {
  /** When each address was last in an answer. */
  readonly addresses: Map<string, number>;
  dueMs: number;
  failing: boolean;
}

/** An answer is used for so long before it is asked for again. */
const LIFE_MS = 300_000;
const RETRY_MS = 60_000;
/** Content networks give other addresses every minute; connections to the earlier ones go on. */
const KEEP_ADDRESS_MS = 3_600_000;
const MAX_ADDRESSES = 64;
const PARALLEL = 4;

export class ServerNames {
  readonly #resolve: ResolveName;
  readonly #now: () => number;
  readonly #onProblem: (message: string) => void;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Set<string>();

  constructor(options: ServerNamesOptions) {
    this.#resolve = options.resolve;
    this.#now = options.now ?? Date.now;
    this.#onProblem = options.onProblem ?? (() => undefined);
  }

  /** Know these names from now on, forget others, and begin to ask for those that are new or due. */
  use(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const name of [...this.#known.keys()]) if (!wanted.has(name)) this.#known.delete(name);
    for (const name of wanted)
      if (!this.#known.has(name)) this.#known.set(name, { addresses: new Map(), dueMs: 0, failing: false });
    this.refresh();
  }

  /** Begin to ask for the names that are due; does not wait for the answers. */
  refresh(): void {
    for (const [name, known] of this.#known) {
      if (this.#asking.size >= PARALLEL) return;
      if (this.#asking.has(name) || this.#now() < known.dueMs) continue;
      this.#asking.add(name);
      void this.#ask(name, known).finally(() => {
        this.#asking.delete(name);
        this.refresh();
      });
    }
  }

  /** The name that has this address by the last answers; the first of the list when several do. */
  nameOf(address: string): string | undefined {
    for (const [name, { addresses }] of this.#known) if (addresses.has(address)) return name;
    return undefined;
  }

  /** Names that were asked for and have no address. */
  unresolved(): string[] {
    return [...this.#known].flatMap(([name, k]) => (k.failing && k.addresses.size === 0 ? [name] : []));
  }

  async #ask(name: string, known: Known): Promise<void> {
    try {
      const answer = await this.#resolve(name);
      if (answer.length === 0) throw new Error('it has no IPv4 address');
      this.#learn(known, answer);
    } catch (error) {
      known.dueMs = this.#now() + RETRY_MS;
      if (known.failing || this.#known.get(name) !== known) return;
      known.failing = true;
      const meanwhile =
        known.addresses.size > 0
          ? 'the addresses it had stay in use'
          : 'its traffic is not counted as location-sensitive by its name';
      this.#onProblem(
        `cannot resolve ${name} (${messageOf(error)}): ${meanwhile}. ` +
          "Check fingerprint.sensitiveServers in the policy and this host's DNS.",
      );
    }
  }

  #learn(known: Known, answer: readonly string[]): void {
    const now = this.#now();
    for (const address of answer) {
      // Newest last, so that the oldest is dropped first.
      known.addresses.delete(address);
      known.addresses.set(address, now);
    }
    for (const [address, seenMs] of known.addresses)
      if (now - seenMs > KEEP_ADDRESS_MS || known.addresses.size > MAX_ADDRESSES)
        known.addresses.delete(address);
    known.failing = false;
    known.dueMs = now + LIFE_MS;
  }
}
