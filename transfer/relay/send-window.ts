// How much a sender may have under way, unanswered: what the path carries in a round trip and a little more, so that it never runs dry. More would
// wait in queues, and the last round of a memory copy behind it, with the guest stopped. The rule is BBR's: the best rate at which answers have
// come of late, times the shortest round trip. Pure; times are given, ms.

/** Never less: an answer comes for each 256 KiB at least, from relays of releases before. */
const LEAST_BYTES = 512 * 1024;
/** Never more, whatever the path. */
const MOST_BYTES = 32 * 2 ** 20;
/** A batch is put together and answered when its turn comes at a busy host. */
const SLACK_MS = 50;
/** While the rate still grows it is given room to double each round trip; later to grow at all. */
const GROWING = 2;
const STEADY = 1.25;
/** Round trips without a quarter more: it does not grow any more. */
const STEADY_AFTER = 3;
/** A rate that was not seen for so long is the path's no more. */
const BELIEVED_MS = 10_000;

interface UnderWay {
  readonly number: number;
  readonly bytes: number;
  readonly sentAtMs: number;
  /** What had been answered when it was sent, and when. */
  readonly answered: number;
  readonly answeredAtMs: number;
  /** When the one was sent that had been answered last. */
  readonly fromMs: number;
  /** More would have been sent had there been room: it tells what the path carries, not what there was to send. */
  readonly wasFull: boolean;
}

export class SendWindow {
  readonly #underWay: UnderWay[] = [];
  #underWayBytes = 0;
  #answered = 0;
  #answeredAtMs = 0;
  #fromMs = 0;
  /** The best first; each that comes later is less. */
  readonly #rates: { readonly atMs: number; readonly bytesPerMs: number }[] = [];
  #roundTripMs = Infinity;
  #plateau = 0;
  #flatRounds = 0;
  #roundEndsAt = 0;

  /** The rate at which answers have come of late, bytes a second; 0 while it is not known. */
  get bytesPerSecond(): number {
    return this.#rate() * 1000;
  }

  get isFull(): boolean {
    return this.#underWayBytes >= this.limitBytes;
  }

  /** Bytes that may be under way. */
  get limitBytes(): number {
    const rate = this.#rate();
    if (rate === 0) return LEAST_BYTES;
    const gain = this.#flatRounds < STEADY_AFTER ? GROWING : STEADY;
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, gain * rate * (this.#roundTripMs + SLACK_MS)));
  }

  /** A batch has been sent; numbers count up. */
  send(number: number, bytes: number, nowMs: number): void {
    if (this.#underWay.length === 0) {
      this.#answeredAtMs = nowMs;
      this.#fromMs = nowMs;
    }
    this.#underWayBytes += bytes;
    this.#underWay.push({
      number,
      bytes,
      sentAtMs: nowMs,
      answered: this.#answered,
      answeredAtMs: this.#answeredAtMs,
      fromMs: this.#fromMs,
      wasFull: this.isFull,
    });
  }

  /** All batches up to this one have been answered. */
  answer(upTo: number, nowMs: number): void {
    let last: UnderWay | undefined;
    while ((this.#underWay[0]?.number ?? Infinity) <= upTo) {
      last = this.#underWay.shift();
      this.#answered += last?.bytes ?? 0;
      this.#underWayBytes -= last?.bytes ?? 0;
    }
    if (last === undefined) return;
    this.#answeredAtMs = nowMs;
    this.#roundTripMs = Math.min(this.#roundTripMs, Math.max(1, nowMs - last.sentAtMs));
    // Answers may come late and then many at once: no more has been carried a second than was sent.
    const tookMs = Math.max(1, nowMs - last.answeredAtMs, last.sentAtMs - last.fromMs);
    this.#fromMs = last.sentAtMs;
    const bytesPerMs = (this.#answered - last.answered) / tookMs;
    if (last.wasFull || bytesPerMs > this.#rate()) this.#learn(bytesPerMs, nowMs);
    if (last.wasFull && last.answered >= this.#roundEndsAt) this.#endRound();
  }

  #learn(bytesPerMs: number, nowMs: number): void {
    while ((this.#rates.at(-1)?.bytesPerMs ?? Infinity) <= bytesPerMs) this.#rates.pop();
    this.#rates.push({ atMs: nowMs, bytesPerMs });
    while (nowMs - (this.#rates[0]?.atMs ?? nowMs) > BELIEVED_MS) this.#rates.shift();
  }

  #endRound(): void {
    this.#roundEndsAt = this.#answered + this.#underWayBytes;
    const rate = this.#rate();
    if (rate > this.#plateau * 1.25 || rate < this.#plateau / 1.25) {
      this.#plateau = rate;
      this.#flatRounds = 0;
    } else this.#flatRounds++;
  }

  #rate(): number {
    return this.#rates[0]?.bytesPerMs ?? 0;
  }
}
