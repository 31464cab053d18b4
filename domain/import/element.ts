// An element of an XML document, and a reader that knows what of it was read: what is left is told by its path.

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Trimmed. */
  readonly text: string;
}

/** Longer texts of what is left out are cut. */
const MOST_TEXT = 80;

export class ElementReader {
  readonly #element: Element;
  readonly path: string;
  readonly #children: readonly ElementReader[];
  #touched = false;
  #whole = false;
  readonly #read = new Set<string>();

  constructor(element: Element, path = element.name) {
    this.#element = element;
    this.path = path;
    const alike = new Map<string, number>();
    for (const { name } of element.children) alike.set(name, (alike.get(name) ?? 0) + 1);
    const before = new Map<string, number>();
    this.#children = element.children.map((child) => {
      const index = (before.get(child.name) ?? 0) + 1;
      before.set(child.name, index);
      const isOneOfMany = (alike.get(child.name) ?? 0) > 1;
      return new ElementReader(child, `${path}/${child.name}${isOneOfMany ? `[${String(index)}]` : ''}`);
    });
  }

  get name(): string {
    return this.#element.name;
  }

  /** The text in it; it counts as read. */
  text(): string {
    this.#touched = true;
    return this.#element.text;
  }

  attribute(name: string): string | null {
    this.#touched = true;
    this.#read.add(name);
    return this.#element.attributes[name] ?? null;
  }

  /** An attribute's value without counting as read. */
  peek(name: string): string | null {
    return this.#element.attributes[name] ?? null;
  }

  /** The first child of a name. */
  child(name: string): ElementReader | null {
    return this.children(name)[0] ?? null;
  }

  children(name: string): ElementReader[] {
    const found = this.#children.filter((c) => c.name === name);
    if (found.length > 0) this.#touched = true;
    return found;
  }

  /** It, and all in it, needs no word. */
  done(): void {
    this.#whole = true;
  }

  /** Let children of these names pass without a word. */
  pass(...names: string[]): void {
    this.#touched = true;
    for (const child of this.#children) if (names.includes(child.name)) child.done();
  }

  /** What was not read, each with its path: whole elements, and attributes of those that were. */
  unread(): string[] {
    if (this.#whole) return [];
    if (!this.#touched) return [`${this.path}${this.#summary()}`];
    const attributes = Object.entries(this.#element.attributes)
      .filter(([name]) => !this.#read.has(name))
      .map(([name, value]) => `${this.path}/@${name}="${cut(value)}"`);
    return [...attributes, ...this.#children.flatMap((c) => c.unread())];
  }

  #summary(): string {
    const attributes = Object.entries(this.#element.attributes).map(([k, v]) => ` ${k}="${v}"`);
    const text = this.#element.text === '' ? '' : `: ${this.#element.text}`;
    return cut(attributes.join('') + text);
  }
}

const cut = (text: string) => (text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text);
