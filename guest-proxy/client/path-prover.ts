// Proves, flow by flow, that packets of a client's connections pass to a desktop's (new) address and back (protocol/path-proof.ts):
//   asking --the ANSWER came--> answered: PROVED is told until the host says DIRECT --> direct
// Driven by `tick`. What a NAT does not let pass stays `asking`, less and less often, and its flow on the path that it has.
import { messageOf } from '../../domain/errors.js';
import type { Logger } from '../logger.js';
import { systemRandom } from '../protocol/handshake.js';
import { MAX_PATHS, type PathSeen } from '../protocol/messages.js';
import { decodeAnswer, encodeAsk, type PathAnswer, TOKEN_BYTES } from '../protocol/path-proof.js';
import type { Session } from '../protocol/session.js';
import type { SeenAnswer } from '../punch/answer-socket.js';
import { punchPacket } from '../punch/packets.js';
import { type ProxiedFlow, flowKey } from '../rules/flow.js';
import type { HostLink } from './host-link.js';

/** Between the asks of a flow; the last goes on: a path that opens later (a rule of the NAT, another network) is found. */
const ASK_AGAIN_MS = [150, 250, 500, 1_000, 3_000, 10_000, 60_000] as const;
/** A move that is being prepared waits so long for answers: two round trips of 300 ms. */
const PATIENCE_MS = 700;
/** Answers are looked for so long after an ask: more than any round trip. */
const ANSWERED_WITHIN_MS = 5_000;
/** Between repetitions of PROVED: the host may learn of the flow only when the desktop comes. */
const TELL_AGAIN_MS = [200, 200, 200, 200, 500, 1_000, 5_000, 30_000] as const;
/** The host's keys may have changed since it gave the answer: ask anew. */
const TELLS = 12;

interface Attempt {
  readonly flow: ProxiedFlow;
  token: Buffer;
  asks: number;
  askAtMs: number;
  askedAtMs: number;
  answer: PathAnswer | null;
  tells: number;
  tellAtMs: number;
  direct: boolean;
}

export interface PathTarget {
  readonly address: string;
  readonly epoch: number;
  readonly flows: readonly ProxiedFlow[];
}

export interface PathProverOptions {
  readonly desktop: string;
  /** See answers from an address, from now on until it is closed. */
  readonly answers: (from: string) => { read(): readonly SeenAnswer[]; close(): void };
  readonly link: (address: string) => HostLink | undefined;
  readonly send: (packets: readonly { destination: string; bytes: Buffer }[]) => Promise<void>;
  /** All that a move waits for has been answered. */
  readonly onSettled: () => void;
  readonly logger: Logger;
  readonly random?: (length: number) => Buffer;
}

export class PathProver {
  readonly #options: PathProverOptions;
  readonly #random: (length: number) => Buffer;
  #target: Omit<PathTarget, 'flows'> | null = null;
  #attempts = new Map<string, Attempt>();
  /** What was said in it holds: a host that has started anew knows nothing of it. */
  #session: Session | null = null;
  #answers: ReturnType<PathProverOptions['answers']> | null = null;
  #busy: Promise<void> | null = null;
  #firstAskAtMs: number | null = null;
  #settled = false;
  #warned = false;

  constructor(options: PathProverOptions) {
    this.#options = options;
    this.#random = options.random ?? systemRandom;
  }

  /** Prove the paths of these flows to this address from now on; null: of none. What is known of the same flows stays. */
  aim(target: PathTarget | null): void {
    const same = target?.address === this.#target?.address && target?.epoch === this.#target?.epoch;
    if (!same) {
      this.#attempts = new Map();
      this.#firstAskAtMs = null;
      this.#settled = false;
      this.#close();
    }
    this.#target = target && { address: target.address, epoch: target.epoch };
    const before = this.#attempts;
    this.#attempts = new Map(
      (target?.flows ?? []).map((flow) => [flowKey(flow), before.get(flowKey(flow)) ?? this.#begin(flow)]),
    );
  }

  /** Tell whether a flow may leave for the address that is aimed at. */
  isDirect(flow: ProxiedFlow): boolean {
    this.#follow(this.#link());
    return this.#attempts.get(flowKey(flow))?.direct === true;
  }

  /** Take the word of the host at `address` on which flows may take their own path; true where it says something new. */
  confirm(address: string, epoch: number, tokens: readonly Buffer[]): boolean {
    // Whoever else talks to the client, as the host that the desktop is leaving, has no say in it.
    if (address !== this.#target?.address || epoch !== this.#target.epoch) return false;
    const said = new Set(tokens.map((t) => t.toString('hex')));
    const meant = [...this.#attempts.values()].filter(
      (a) => a.answer !== null && !a.direct && said.has(a.token.toString('hex')),
    );
    for (const attempt of meant) attempt.direct = true;
    return meant.length > 0;
  }

  /** A move need not wait any longer: each flow has been answered, cannot be asked for, or was asked long enough. */
  isSettled(nowMs: number): boolean {
    const link = this.#link();
    if (link?.proves == null) return false;
    if (!link.proves || [...this.#attempts.values()].every((a) => a.answer !== null)) return true;
    return this.#firstAskAtMs !== null && nowMs - this.#firstAskAtMs >= PATIENCE_MS;
  }

  /** Send what is due. */
  tick(nowMs: number): void {
    const link = this.#link();
    if (link?.proves !== true || link.session === null) return;
    this.#follow(link);
    this.#look();
    this.#tell(link, nowMs);
    if (!this.#settled && this.isSettled(nowMs)) {
      this.#settled = true;
      this.#options.onSettled();
    }
    if (this.#busy !== null) return;
    const attempts = [...this.#attempts.values()];
    const due = attempts.filter((a) => a.answer === null && nowMs >= a.askAtMs);
    const waiting = attempts.some((a) => a.answer === null && nowMs - a.askedAtMs < ANSWERED_WITHIN_MS);
    if (due.length > 0) this.#run(() => this.#ask(due, link, nowMs));
    else if (!waiting) this.#close();
  }

  /** Prove nothing any more; waits for what has begun. */
  async stop(): Promise<void> {
    this.aim(null);
    await this.#busy;
    this.#close();
  }

  #close(): void {
    this.#answers?.close();
    this.#answers = null;
  }

  #link(): HostLink | undefined {
    return this.#target === null ? undefined : this.#options.link(this.#target.address);
  }

  /** Begin anew in a new session. */
  #follow(link: HostLink | undefined): void {
    if (link === undefined || link.session === null || link.session === this.#session) return;
    this.#session = link.session;
    for (const attempt of this.#attempts.values()) Object.assign(attempt, this.#begin(attempt.flow));
  }

  #begin(flow: ProxiedFlow): Attempt {
    const never = -Infinity;
    const fresh = { asks: 0, askAtMs: never, askedAtMs: never, answer: null, tells: 0, tellAtMs: never };
    return { flow, token: this.#random(TOKEN_BYTES), ...fresh, direct: false };
  }

  #run(work: () => Promise<void>): void {
    this.#busy = work()
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#busy = null;
      });
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.logger.warn(
      { error: messageOf(error) },
      "paths of connections cannot be proved: they go on over the desktop's old site",
    );
  }

  async #ask(due: readonly Attempt[], link: HostLink, nowMs: number): Promise<void> {
    const { address, session } = link;
    if (session === null) return;
    for (const attempt of due) {
      attempt.askAtMs = nowMs + (ASK_AGAIN_MS[Math.min(attempt.asks, ASK_AGAIN_MS.length - 1)] ?? 0);
      attempt.askedAtMs = nowMs;
      attempt.asks += 1;
    }
    // Before what may fail: a move waits no longer where answers cannot be seen.
    this.#firstAskAtMs ??= nowMs;
    this.#answers ??= this.#options.answers(address);
    await this.#options.send(
      due.map(({ flow, token }) => {
        const ask = { session: session.id, token, clientPort: flow.local.port };
        const end = { protocol: flow.protocol, external: address, port: flow.remote.port };
        const content = encodeAsk(ask, end, session.pathKey);
        return { destination: address, bytes: punchPacket(flow, address, 'open', content) };
      }),
    );
  }

  /** What has come; nothing, and another socket with the next ask, where this one has failed. */
  #read(): readonly SeenAnswer[] {
    try {
      return this.#answers?.read() ?? [];
    } catch (error) {
      this.#warn(error);
      this.#close();
      return [];
    }
  }

  /** Take the answers that have come. */
  #look(): void {
    const seen = this.#read();
    if (seen.length === 0) return;
    const byToken = new Map([...this.#attempts.values()].map((a) => [a.token.toString('hex'), a]));
    for (const { protocol, port, content } of seen) {
      const answer = decodeAnswer(content);
      const attempt = answer === null ? undefined : byToken.get(answer.token.toString('hex'));
      if (answer === null || attempt === undefined || attempt.answer !== null) continue;
      const { flow } = attempt;
      if (flow.protocol === protocol && flow.remote.port === port && flow.local.port === answer.clientPort)
        attempt.answer = answer;
    }
  }

  #tell(link: HostLink, nowMs: number): void {
    const { desktop } = this.#options;
    const epoch = this.#target?.epoch;
    if (epoch === undefined) return;
    const due = [...this.#attempts.values()].filter(
      (a) => a.answer !== null && !a.direct && nowMs >= a.tellAtMs,
    );
    const paths = due.slice(0, 4 * MAX_PATHS).flatMap((attempt): PathSeen[] => {
      const { answer, flow, token } = attempt;
      attempt.tellAtMs = nowMs + (TELL_AGAIN_MS[Math.min(attempt.tells, TELL_AGAIN_MS.length - 1)] ?? 0);
      attempt.tells += 1;
      if (answer === null) return [];
      if (attempt.tells > TELLS) Object.assign(attempt, this.#begin(flow));
      const { seen, clientPort, cookie } = answer;
      return [{ protocol: flow.protocol, port: flow.remote.port, clientPort, seen, token, cookie }];
    });
    for (let at = 0; at < paths.length; at += MAX_PATHS)
      link.send({ kind: 'proved', desktop, epoch, paths: paths.slice(at, at + MAX_PATHS) });
  }
}
