// Plain tables: a line of heads, aligned columns, no frames, so that they read well and cut well. cli-table3 measures wide characters.
import Table from 'cli-table3';
import stringWidth from 'string-width';

export interface Column {
  readonly head: string;
  readonly right?: boolean;
}

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** The library's time grows with the square of the rows: tables of many thousands are made of blocks of the same widths. */
const BLOCK = 100;

/** Render rows under heads; no trailing blanks. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const head = columns.map((c) => c.head);
  // Control characters of names or messages from outside must not reach the terminal.
  const cells = rows.map((row) => row.map(printable));
  const colWidths = head.map((text, k) =>
    cells.reduce((widest, row) => Math.max(widest, stringWidth(row[k] ?? '')), stringWidth(text)),
  );
  const blocks: string[] = [];
  for (let from = 0; from === 0 || from < cells.length; from += BLOCK) {
    const table = new Table({
      head: from === 0 ? head : [],
      colWidths,
      colAligns: columns.map((c) => (c.right === true ? 'right' : 'left')),
      chars: NO_FRAME,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    });
    table.push(...cells.slice(from, from + BLOCK));
    blocks.push(table.toString());
  }
  return blocks
    .join('\n')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Replace control characters, which could drive a terminal, by spaces. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** A section: its title, then the table or what is said when there is nothing. */
export function section(
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  return rows.length === 0 ? `${title}  ${empty}` : `${title}\n${indent(renderTable(columns, rows))}`;
}

/** Indent every line by two blanks. */
export function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n');
}
