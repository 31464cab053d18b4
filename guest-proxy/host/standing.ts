// Tells what somebody took away from what is only about to be there: an address is recorded before it is taken. Pure but for its memory.

export class Standing {
  readonly #seen = new Set<string>();

  /** Note what stands of what is wanted; gives what is missing, and whether it stood at an earlier look. */
  look(wanted: readonly string[], stands: (name: string) => boolean): { name: string; stood: boolean }[] {
    for (const name of this.#seen) if (!wanted.includes(name)) this.#seen.delete(name);
    return wanted.flatMap((name) => {
      if (!stands(name)) return [{ name, stood: this.#seen.has(name) }];
      this.#seen.add(name);
      return [];
    });
  }
}
