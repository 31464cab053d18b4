// What the desktop's editor (vms.app=text: nano in an xterm with the 6x13 font, at its place on a 640x480 screen) shows in its first line.
import type { Framebuffer } from '../../../lab/rfb/framebuffer.js';

const LEFT = 13;
const TOP = 50;
const CELL = { width: 6, height: 13 };
const COLUMNS = 80;
const BLACK = 0;

/** The cell of one column, a text of `#` for each black pixel and `.` for every other, row after row. */
function cell(screen: Framebuffer, column: number): string {
  const x = LEFT + column * CELL.width;
  const rows = Array.from({ length: CELL.height }, (_, row) => {
    const start = (TOP + row) * screen.width + x;
    return screen.pixels.subarray(start, start + CELL.width);
  });
  return rows.map((row) => Array.from(row, (pixel) => (pixel === BLACK ? '#' : '.')).join('')).join('\n');
}

/** Give the cells of `count` columns from `from` on. */
export function firstLine(screen: Framebuffer, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => cell(screen, from + i));
}

/**
 * Give the column of the cursor in the first line; null when it is not there. Only a window with the focus has a full cursor, a black
 * cell with its letter in white: no letter reaches the first two rows of its cell, and without the focus it is a frame.
 */
export function cursorColumn(screen: Framebuffer): number | null {
  const cells = firstLine(screen, 0, COLUMNS);
  const full = cells.flatMap((text, column) => (text.startsWith('######\n######\n') ? [column] : []));
  return full.length === 1 ? (full[0] ?? null) : null;
}
