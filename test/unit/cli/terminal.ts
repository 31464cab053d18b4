// As much of a terminal as painting needs: cursor up and down, to a column, and the erasing of lines.
export class Terminal {
  columns = 40;
  rows = 20;
  readonly #lines: string[] = [];
  #row = 0;
  #column = 0;

  /** What stands on it, without what is empty at the end. */
  get shown(): string {
    return this.#lines.join('\n').trimEnd();
  }

  write(text: string): boolean {
    for (const [all, count = '', command] of text.matchAll(/(?!\n)\p{Cc}\[\??(\d*)([A-Za-z])|./gsu)) {
      if (all === '\n') [this.#row, this.#column] = [this.#row + 1, 0];
      else if (command === undefined) this.#put(all);
      else this.#obey(command, count);
    }
    return true;
  }

  #put(character: string): void {
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column += 1;
  }

  #obey(command: string, count: string): void {
    const line = this.#lines[this.#row] ?? '';
    if (command === 'A') this.#row = Math.max(0, this.#row - Number(count || 1));
    else if (command === 'B') this.#row += Number(count || 1);
    else if (command === 'G') this.#column = Number(count || 1) - 1;
    else if (command === 'K') this.#lines[this.#row] = count === '2' ? '' : line.slice(0, this.#column);
    else throw new Error(`this terminal knows no ${count}${command}`);
  }
}
