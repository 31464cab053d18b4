// A guest that runs and has never been heard on its network: most likely it hangs in its boot, or its network card has no driver.

/** Of a guest that has sent no packet since it was first started here. */
export interface Quiet {
  readonly forMs: number;
  /** What its serial console said last; null: nothing. */
  readonly lastLine: string | null;
}

/** A slow guest under emulation has asked for its address by then. */
const SAID_AFTER_MS = 120_000;
const MOST_CHARS = 120;

/** What there is to say of it; null: nothing yet. */
export function quietNote({ forMs, lastLine }: Quiet): string | null {
  if (forMs < SAID_AFTER_MS) return null;
  const minutes = Math.floor(forMs / 60_000);
  return `no packet ${String(minutes)} minutes after its start: does it boot, and has it a driver for its network card? ${
    lastLine === null ? 'Its serial console has said nothing' : `Its serial console said last: ${lastLine}`
  }`;
}

/** The last line with something in it of what a console has printed: without colours, control characters and those that turn text around, cut to 120. */
export function lastLineOf(text: string): string | null {
  const lines = text
    // Control sequences of terminals (ECMA-48), whole.
    .replaceAll(/\p{Cc}\[[0-?]*[ -/]*[@-~]/gu, '')
    .split(/[\r\n]+/)
    .map((line) => line.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim())
    .filter((line) => line !== '');
  return lines.at(-1)?.slice(0, MOST_CHARS) ?? null;
}
