// The flows of a relay's end, with what is asked of them for each message of a client at hand whatever their number.
import { flowKey, type FlowProgress, type RelayedFlow } from '../relay/flow.js';

/** A flow of a relay. */
export interface LiveFlow {
  readonly flow: RelayedFlow;
  progress: FlowProgress;
  /**
   * Its own path is proved. The desktop's packets take that one from when its client has changed to it: until then the client's NAT would see
   * answers to what it has not seen. The client's are accepted by the relay until `untilMs`; null: it has not changed yet.
   */
  direct: { readonly client: string; readonly untilMs: number | null } | null;
}

/** Tell whether a flow takes its own path already. */
export const isDirect = ({ direct }: LiveFlow): boolean => direct?.untilMs != null;

/** The same text for flows that differ in the peer's port alone. */
const likeness = ({ protocol, port, peer }: RelayedFlow): string =>
  `${protocol} ${String(port)} ${peer.address}`;

/** By `flowKey`. */
export class LiveFlows extends Map<string, LiveFlow> {
  readonly #alike = new Map<string, number>();

  constructor(flows: readonly LiveFlow[]) {
    super();
    for (const flow of flows) this.set(flowKey(flow.flow), flow);
  }

  override set(key: string, value: LiveFlow): this {
    this.delete(key);
    if (!isDirect(value)) this.#count(value.flow, 1);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    const known = this.get(key);
    if (known !== undefined && !isDirect(known)) this.#count(known.flow, -1);
    return super.delete(key);
  }

  /** Let flows take their own paths; what their client sends by the relay is accepted until then. */
  letGo(flows: readonly LiveFlow[], client: string, untilMs: number): void {
    for (const live of flows) {
      if (!isDirect(live)) this.#count(live.flow, -1);
      live.direct = { client, untilMs };
    }
  }

  /** Tell whether a flow takes the relay that differs from this one in the peer's port at most. */
  hasAlike(flow: RelayedFlow): boolean {
    return this.#alike.has(likeness(flow));
  }

  #count(flow: RelayedFlow, by: 1 | -1): void {
    const like = likeness(flow);
    const count = (this.#alike.get(like) ?? 0) + by;
    if (count > 0) this.#alike.set(like, count);
    else this.#alike.delete(like);
  }
}
