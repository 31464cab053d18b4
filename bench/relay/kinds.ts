// Streams of one kind of page each, as QEMU would send them: what a relay does with a page depends on what it is and what was sent before.
import { randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { PAGE_BYTES } from '../../transfer/stream/pages.js';
import { round, startOfMigration, type PageRecord } from '../../test/unit/transfer/streams.js';

/** QEMU closes a part of the section every 50 ms or so. */
const PAGES_OF_A_ROUND = 1_024;
/** As much of a page changes as where a clock or a pointer is written. */
const CHANGED_BYTES = 100;
/** They take so little that their time could not be told otherwise. */
const ZEROS = 4;

/** The parts of a stream; the last one is measured, before it comes what it builds upon. */
interface Kind {
  readonly name: 'zero' | 'cached' | 'delta' | 'fresh' | 'random';
  readonly parts: () => readonly (readonly Buffer[])[];
  /** Whether the hosts have seen the same stream before, as one of another move. */
  readonly before: boolean;
}

/** All kinds, of that many pages each. */
export function kindsOf(pages: number): Kind[] {
  const start = [startOfMigration()];
  const program = () => pagesOfFile(process.execPath, pages);
  const random = () => Array.from({ length: pages }, () => randomBytes(PAGE_BYTES));
  const zeros = () => Array.from({ length: ZEROS * pages }, (_, page) => ({ kind: 'zero', page }) as const);
  return [
    { name: 'zero', parts: () => [start, rounds(zeros())], before: false },
    { name: 'cached', parts: () => [start, rounds(records(program()))], before: true },
    { name: 'delta', parts: () => [start, ...changes(program())], before: false },
    { name: 'fresh', parts: () => [start, rounds(records(program()))], before: false },
    { name: 'random', parts: () => [start, rounds(records(random()))], before: false },
  ];
}

/** Pages, then the same after a small change of each. */
function changes(pages: readonly Buffer[]): Buffer[][] {
  return [pages, pages.map(changedPage)].map((all) => rounds(records(all)));
}

/** Some pages of every kind, none of them met elsewhere. */
export function warmUp(count: number): Buffer[] {
  const text = 'a page that compresses ';
  const pages = Array.from({ length: count }, (_, i) =>
    i % 2 === 0 ? randomBytes(PAGE_BYTES) : Buffer.alloc(PAGE_BYTES, `${text}${String(i)}`),
  );
  return [
    startOfMigration(),
    ...rounds(records(pages)),
    ...rounds(records(pages.map(changedPage))),
    ...rounds(records(pages.toReversed())),
    ...rounds(pages.map((_, page) => ({ kind: 'zero', page }))),
  ];
}

function changedPage(page: Buffer): Buffer {
  const copy = Buffer.from(page);
  return randomFillSync(copy, Math.floor(Math.random() * (PAGE_BYTES - CHANGED_BYTES)), CHANGED_BYTES);
}

const records = (pages: readonly Buffer[]): PageRecord[] =>
  pages.map((content, page) => ({ kind: 'page', page, content }));

function rounds(all: readonly PageRecord[]): Buffer[] {
  return Array.from({ length: Math.ceil(all.length / PAGES_OF_A_ROUND) }, (_, i) =>
    round(all.slice(i * PAGES_OF_A_ROUND, (i + 1) * PAGES_OF_A_ROUND)),
  );
}

/** Pages of a program: code, tables and text, each of them once and none of zeros. */
function pagesOfFile(path: string, count: number): Buffer[] {
  const [file, available] = [openSync(path, 'r'), Math.floor(statSync(path).size / PAGE_BYTES)];
  const seen = new Set<string>();
  const pages: Buffer[] = [];
  // A program that is too short is read again, each time shifted by some bytes.
  for (let i = 0; pages.length < count; i++) {
    const page = Buffer.alloc(PAGE_BYTES);
    const shift = 16 * Math.floor(i / available);
    readSync(file, page, 0, PAGE_BYTES, (i % available) * PAGE_BYTES + shift);
    const key = page.toString('latin1', 0, 256);
    if (seen.has(key)) continue;
    seen.add(key);
    pages.push(page);
  }
  closeSync(file);
  return pages;
}
