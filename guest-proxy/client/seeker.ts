// Asks the hosts themselves where the desktop is when nobody answers where it was: the client was off for a whole move and its clean-up.
// A few hosts at a time, each for a while, round and round; whoever has answered is kept. Driven by `tick`.
import type { Endpoint } from '../../domain/model/address.js';
import type { HostLink } from './host-link.js';

/** HELLOs of a lost client, one in five seconds to each: hosts drop those that they do not know unread. */
const AT_A_TIME = 8;
const EACH_MS = 10_000;

const keyOf = ({ address, port }: Endpoint): string => `${address}:${String(port)}`;

export class Seeker {
  readonly #endpoints: readonly Endpoint[];
  readonly #makeLink: (endpoint: Endpoint) => HostLink;
  readonly #links = new Map<string, HostLink>();
  #next = 0;
  #turnAtMs = -Infinity;

  constructor(endpoints: readonly Endpoint[], makeLink: (endpoint: Endpoint) => HostLink) {
    this.#endpoints = [...new Map(endpoints.map((e) => [keyOf(e), e])).values()];
    this.#makeLink = makeLink;
  }

  /** The link to a host that is being asked. */
  find(from: Endpoint): HostLink | undefined {
    return this.#links.get(keyOf(from));
  }

  /** Send what is due. */
  tick(nowMs: number): void {
    if (nowMs >= this.#turnAtMs) {
      this.#turnAtMs = nowMs + EACH_MS;
      this.#turn();
    }
    for (const link of this.#links.values()) link.tick(nowMs);
  }

  /** Ask nobody any more. */
  end(): void {
    this.#links.clear();
    this.#turnAtMs = -Infinity;
  }

  #turn(): void {
    for (const [key, link] of this.#links) if (link.hostKey === null) this.#links.delete(key);
    for (let i = 0; i < this.#endpoints.length && this.#links.size < AT_A_TIME; i++) {
      const endpoint = this.#endpoints[this.#next++ % this.#endpoints.length];
      if (endpoint !== undefined && !this.#links.has(keyOf(endpoint)))
        this.#links.set(keyOf(endpoint), this.#makeLink(endpoint));
    }
  }
}
