// One frame of a display that is redrawn in place: cut to the terminal, old rests cleared, no flicker (no clear before the text).

const CLEAR_ALL = '\u001b[2J';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Text with the control sequences that draw it over the former frame; `first` clears the screen. */
export function frame(text: string, size: { columns: number; rows: number }, first: boolean): string {
  const all = text.split('\n');
  // The last row stays free: a line feed in it would scroll.
  const room = Math.max(2, size.rows - 2);
  const shown =
    all.length <= room
      ? all
      : [
          ...all.slice(0, room - 1),
          `... ${String(all.length - room + 1)} more lines (make the terminal higher, or leave --watch away)`,
        ];
  const lines = shown.map((line) => `${Array.from(line).slice(0, size.columns).join('')}${CLEAR_LINE_END}`);
  return `${first ? CLEAR_ALL : ''}${HOME}${lines.join('\n')}${CLEAR_BELOW}`;
}
