// Asks all clients of a desktop something and gathers their answers, with repetition: the control channel is UDP.
import type { Message } from '../protocol/messages.js';
import type { ClientSession } from './control-server.js';

/** Answers that `ask` waits for. */
export type AnswerKind = 'prepared' | 'committed' | 'aborted';

/** Repeat after so long without an answer: more than most round trips. */
const REPEAT_MS = 200;

export interface Question {
  readonly desktop: string;
  readonly epoch: number;
  readonly message: Message;
  readonly answer: AnswerKind;
  /** The sessions that are live now; asked again each time, so that clients which come back take part. */
  readonly sessions: () => readonly ClientSession[];
  readonly timeoutMs: number;
  /** Without any live session wait at least so long for one. */
  readonly patienceMs: number;
}

const keyOf = (kind: string, desktop: string, epoch: number): string => `${kind} ${desktop} ${String(epoch)}`;

export class ClientExchange {
  readonly #send: (session: ClientSession, message: Message) => void;
  readonly #waiting = new Map<string, (client: string) => void>();

  constructor(send: (session: ClientSession, message: Message) => void) {
    this.#send = send;
  }

  /** Note an answer, which its session has been found to be entitled to. */
  answered(session: ClientSession, message: Extract<Message, { desktop: string }>): void {
    this.#waiting.get(keyOf(message.kind, message.desktop, message.epoch))?.(session.client);
  }

  /** Ask until all live clients have answered, or the time is over; give the keys of those that did. */
  async ask(question: Question): Promise<ReadonlySet<string>> {
    const { desktop, epoch, message, answer, sessions, timeoutMs, patienceMs } = question;
    const done = new Set<string>();
    const key = keyOf(answer, desktop, epoch);
    await new Promise<void>((resolve) => {
      const startedAtMs = performance.now();
      const finish = () => {
        clearInterval(timer);
        this.#waiting.delete(key);
        resolve();
      };
      const round = (send: boolean) => {
        const elapsedMs = performance.now() - startedAtMs;
        const live = sessions();
        const open = live.filter((s) => !done.has(s.client));
        if (elapsedMs >= timeoutMs) finish();
        else if (open.length === 0 && (live.length > 0 || elapsedMs >= patienceMs)) finish();
        else if (send) for (const session of open) this.#send(session, message);
      };
      const timer = setInterval(() => round(true), REPEAT_MS);
      this.#waiting.set(key, (client) => {
        done.add(client);
        round(false);
      });
      round(true);
    });
    return done;
  }
}
