// Measures the round trip to each site: a few UDP probes, their median; per site the nearest of its endpoints. Driven by `tick`.
import type { Endpoint } from '../../domain/model/address.js';
import type { SiteRtt } from '../protocol/messages.js';
import { encodeProbe, type Probe } from '../protocol/wire.js';
import { systemRandom } from '../protocol/handshake.js';

const PROBE_INTERVAL_MS = 10_000;
/** The median of three is not moved by one delayed packet. */
const PROBES_A_ROUND = 3;
const SPACING_MS = 50;
/** What takes longer counts as lost. */
const TIMEOUT_MS = 3_000;

interface Target {
  readonly site: string;
  readonly endpoint: Endpoint;
  round: number[];
  toSend: number;
  nextAtMs: number;
  result: { rttMs: number; atMs: number } | null;
}

const keyOf = (nonce: Buffer): string => nonce.toString('latin1');

/** The median of at least one value; of an even number the lower middle, so that it is always a measured one. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

export class Prober {
  readonly #targets: Target[];
  readonly #send: (bytes: Buffer, to: Endpoint) => void;
  readonly #onRound: () => void;
  readonly #sent = new Map<string, { target: Target; atMs: number }>();

  /** `onRound` is called when a target has a new result. */
  constructor(
    probes: readonly { site: string; endpoint: Endpoint }[],
    send: (bytes: Buffer, to: Endpoint) => void,
    onRound: () => void,
  ) {
    this.#targets = probes.map((p) => ({
      ...p,
      round: [],
      toSend: PROBES_A_ROUND,
      nextAtMs: 0,
      result: null,
    }));
    this.#send = send;
    this.#onRound = onRound;
  }

  /** Send the probes that are due; `nowMs` is a clock with fractions that never jumps. */
  tick(nowMs: number): void {
    for (const [nonce, { atMs }] of this.#sent) if (nowMs - atMs > TIMEOUT_MS) this.#sent.delete(nonce);
    for (const target of this.#targets) {
      if (nowMs < target.nextAtMs) continue;
      if (target.toSend === 0) {
        // A round that lost some of its probes still tells something.
        this.#finish(target, nowMs);
        target.toSend = PROBES_A_ROUND;
      }
      target.toSend -= 1;
      target.nextAtMs = nowMs + (target.toSend === 0 ? PROBE_INTERVAL_MS : SPACING_MS);
      const nonce = systemRandom(16);
      this.#sent.set(keyOf(nonce), { target, atMs: nowMs });
      this.#send(encodeProbe('probe', nonce), target.endpoint);
    }
  }

  receive(reply: Probe, from: Endpoint, nowMs: number): void {
    const sent = this.#sent.get(keyOf(reply.nonce));
    if (sent === undefined) return;
    const { target, atMs } = sent;
    if (target.endpoint.address !== from.address || target.endpoint.port !== from.port) return;
    this.#sent.delete(keyOf(reply.nonce));
    target.round.push(nowMs - atMs);
    if (target.round.length === PROBES_A_ROUND) this.#finish(target, nowMs);
  }

  #finish(target: Target, nowMs: number): void {
    if (target.round.length === 0) return;
    target.result = { rttMs: median(target.round), atMs: nowMs };
    target.round = [];
    this.#onRound();
  }

  /** The newest result of each site. */
  results(nowMs: number): SiteRtt[] {
    const bySite = new Map<string, SiteRtt>();
    for (const { site, result } of this.#targets) {
      if (result === null) continue;
      const known = bySite.get(site);
      if (known === undefined || result.rttMs < known.rttMs)
        bySite.set(site, { site, rttMs: result.rttMs, ageMs: nowMs - result.atMs });
    }
    return [...bySite.values()];
  }
}
