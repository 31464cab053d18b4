// A display that is painted in place, over its former self, by log-update (6: its successors for Node 20 paint lines over each other where
// a display grows or shrinks in the middle).
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';

export interface Painter {
  /** Of its terminal, now. */
  size(): TerminalSize;
  /** Paint this in place of what was painted before; a line wider than the terminal goes on in the next one. */
  paint(text: string): void;
  /** Take what was painted away. */
  clear(): void;
  /** Leave what was painted where it is, and give the terminal back. */
  leave(): void;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Columns where a terminal does not tell: wide enough for every table of ours. */
const WIDE_COLUMNS = 200;
const MANY_ROWS = 50;

/** The size of a terminal, or of what is none; those that do not know theirs say 0. */
function sizeOf(terminal: Partial<TerminalSize>): TerminalSize {
  return { columns: terminal.columns || WIDE_COLUMNS, rows: terminal.rows || MANY_ROWS };
}

/** Make a painter on a terminal. */
export function makePainter(terminal: Pick<NodeJS.WriteStream, 'columns' | 'rows' | 'write'>): Painter {
  const sized = {
    get columns() {
      return sizeOf(terminal).columns;
    },
    get rows() {
      return sizeOf(terminal).rows;
    },
    write: (text: string) => terminal.write(text),
  };
  // All of a stream that it uses.
  const update = createLogUpdate(sized as unknown as NodeJS.WriteStream);
  return {
    size: () => sizeOf(terminal),
    paint: (text) => update(text),
    clear: () => update.clear(),
    leave: () => update.done(),
  };
}

/** Cut a text to a terminal: lines to its width, wide characters counted as two, and as many as leave the last row free; say what was left out. */
export function fitTo(text: string, size: TerminalSize): string {
  const all = text.split('\n');
  const room = Math.max(2, size.rows - 2);
  const shown =
    all.length <= room
      ? all
      : [
          ...all.slice(0, room - 1),
          `... ${String(all.length - room + 1)} more lines (make the terminal higher, or leave --watch away)`,
        ];
  return shown.map((line) => cut(line, size.columns)).join('\n');
}

const CHARACTERS = new Intl.Segmenter();

function cut(line: string, columns: number): string {
  if (stringWidth(line) <= columns) return line;
  let [kept, width] = ['', 0];
  for (const { segment } of CHARACTERS.segment(line)) {
    width += stringWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}
