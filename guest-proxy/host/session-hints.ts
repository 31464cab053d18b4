// Which sessions stood, so that a restarted host can tell the clients to say HELLO again. No secrets; losing it costs one keepalive interval.
import { z } from 'zod';
import { Endpoint, Ipv4 } from '../../domain/model/address.js';
import { RecordFile } from '../../os/record-file.js';

const Hint = z.object({
  localAddress: Ipv4,
  session: z.string().regex(/^[0-9a-f]{16}$/),
  seenAs: Endpoint,
});
export type Hint = z.infer<typeof Hint>;

const HintFile = z.array(Hint);
/** Oldest out first: a host has at most a few clients a desktop. */
const MAX_HINTS = 1_000;

export class SessionHints {
  readonly #file: RecordFile<typeof HintFile>;
  #hints: Hint[] = [];

  readonly #onProblem: (error: unknown) => undefined;

  /** `onProblem` is told what keeps the list from being read or written; nothing else follows from that. */
  constructor(file: string, onProblem: (error: unknown) => void) {
    this.#onProblem = (error) => {
      onProblem(error);
      return undefined;
    };
    this.#file = new RecordFile(file, HintFile, 'list of client sessions');
  }

  /** The sessions of before; none when the file is missing or unreadable. */
  async load(): Promise<readonly Hint[]> {
    // What is not noted again before the next restart must still be there then.
    this.#hints = (await this.#file.get().catch(this.#onProblem)) ?? [];
    return this.#hints;
  }

  /** Remember a session; written only when something is new. */
  async note(hint: Hint): Promise<void> {
    const same = this.#hints.find((h) => h.session === hint.session);
    if (same?.seenAs.port === hint.seenAs.port && same.seenAs.address === hint.seenAs.address) return;
    const others = this.#hints.filter((h) => h.session !== hint.session);
    this.#hints = [...others, hint].slice(-MAX_HINTS);
    await this.#file.put(this.#hints).catch(this.#onProblem);
  }
}
