// Reads an XML document into elements, with limits. A document type is refused, whatever it declares: no definition needs one, and
// entities are how small documents become large ones, or fetch files.
import { SaxesParser } from 'saxes';
import { VmshadowError } from '../../domain/errors.js';
import type { Element } from '../../domain/import/element.js';

/** A domain with everything in it has some 30 KB. */
const MOST_BYTES = 2 ** 20;
const MOST_ELEMENTS = 20_000;
const MOST_DEPTH = 40;

interface Open {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

/** Read UTF-8 bytes; throws INPUT_INVALID, naming `name`, for what is not well-formed or beyond the limits. */
export function readXml(bytes: Uint8Array, name: string): Element {
  const refuse = (why: string) => new VmshadowError('INPUT_INVALID', `${name}: ${why}`);
  if (bytes.length > MOST_BYTES)
    throw refuse(`larger than ${String(MOST_BYTES)} bytes: that is no definition`);
  const open: Open[] = [];
  const roots: Element[] = [];
  let count = 0;
  const parser = new SaxesParser();
  // Thrown inside a handler, each ends the reading at once.
  parser.on('error', (error) => {
    throw refuse(`not well-formed XML: ${error.message}`);
  });
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding))
      throw refuse(`its encoding is ${encoding}, expected UTF-8`);
  });
  parser.on('doctype', () => {
    throw refuse('it has a document type (<!DOCTYPE ...>), which no definition needs: remove it');
  });
  parser.on('opentag', ({ name: tag, attributes }) => {
    if (++count > MOST_ELEMENTS) throw refuse(`more than ${String(MOST_ELEMENTS)} elements`);
    if (open.length >= MOST_DEPTH) throw refuse(`elements lie more than ${String(MOST_DEPTH)} deep`);
    open.push({ name: tag, attributes: { ...attributes }, children: [], text: '' });
  });
  const addText = (text: string) => {
    const top = open.at(-1);
    if (top !== undefined) top.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const done = open.pop();
    if (done === undefined) return;
    const element: Element = { ...done, text: done.text.trim() };
    const parent = open.at(-1);
    (parent?.children ?? roots).push(element);
  });
  parser.write(decoded(bytes, refuse)).close();
  const [root] = roots;
  if (root === undefined) throw refuse('it has no element');
  return root;
}

function decoded(bytes: Uint8Array, refuse: (why: string) => Error): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('it is not UTF-8');
  }
}
