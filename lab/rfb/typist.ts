// When a person at the thin client presses which key: text typed at a human rate with human irregularity, or one key every so often.
// Pure: the same seed gives the same hands.
import { randomFrom } from '../random.js';
import { Keysym } from './messages.js';

export interface Keystroke {
  /** Pause before this key, milliseconds. */
  readonly afterMs: number;
  readonly keysym: number;
}

/** What is typed where no text is given: about a minute at 200 characters a minute. */
export const SAMPLE_TEXT =
  'The desktop follows its user. When somebody travels, the machine they work on should not stay behind: every key that ' +
  'they press would have to cross a continent and back before its letter appears.\n';

/** Longer breaks: after a word, and after a sentence to think (multiples of the mean pause). */
const WORD_BREAK = 1.5;
const SENTENCE_BREAK = 6;

/** Endless keystrokes of `text`, over and over, at `charsPerMinute` on average within words; other than ASCII is left out. */
export function* typing(text: string, charsPerMinute: number, seed: number): Generator<Keystroke, never> {
  const random = randomFrom(seed);
  const meanMs = 60_000 / charsPerMinute;
  const keys: number[] = Array.from(text.replaceAll(/[^\x20-\x7e\n]/g, ''), (char) =>
    char === '\n' ? Keysym.return : char.charCodeAt(0),
  );
  if (keys.length === 0) keys.push(0x20);
  let previous = 0;
  for (let i = 0; ; i = (i + 1) % keys.length) {
    const keysym = keys[i] ?? 0x20;
    const factor = previous === 0x2e ? SENTENCE_BREAK : previous === 0x20 ? WORD_BREAK : 1;
    // Between a third and twice the mean, skewed to the short side, mean 1: key intervals are never exponential.
    const jitter = 1 / 3 + (5 / 3) * random() ** 1.5;
    yield { afterMs: meanMs * factor * jitter, keysym };
    previous = keysym;
  }
}

/** One key, endlessly, about every `everyMs`. */
export function* pressing(keysym: number, everyMs: number, seed: number): Generator<Keystroke, never> {
  const random = randomFrom(seed);
  for (;;) yield { afterMs: everyMs * (0.7 + 0.6 * random()), keysym };
}
