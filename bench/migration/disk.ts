// The disk of a benched desktop: the lab's image, installed programs (this machine's own, as they lie in files: what a desktop of that size is full of),
// and files of its own that no other desktop has.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestImage } from '../../lab/images/locate.js';
import { prepareDisk } from '../../lab/images/prepare-disk.js';
import { runCommand } from '../../os/run-command.js';

const MIB = 2 ** 20;
const PAGE_BYTES = 4_096;
const PROGRAMS = ['/usr/lib', '/usr/share', '/usr/bin'];
const COMMAND_TIMEOUT_MS = 600_000;

export interface DesktopSize {
  readonly memoryMiB: number;
  readonly diskMiB: number;
  /** Of the disk: image, programs and its own files. */
  readonly usedMiB: number;
  readonly ownMiB: number;
}

/** Write the disk to `target`; desktops of one size differ in their own files alone, by `seed`. */
export async function makeDisk(
  image: GuestImage,
  target: string,
  { diskMiB, usedMiB, ownMiB }: DesktopSize,
  seed: number,
): Promise<void> {
  await prepareDisk(image, target, { diskMiB, usedMiB: image.usedMiB + ownMiB, seed });
  const programs = `${target}.programs`;
  try {
    await writePrograms(programs, (usedMiB - ownMiB - image.usedMiB) * MIB);
    await runCommand(['debugfs', '-w', '-f', '-', target], {
      input: `write "${programs}" programs\n`,
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  } finally {
    await rm(programs, { force: true });
  }
}

/** Files one after the other, each from a page on, as a file system has them. */
async function writePrograms(path: string, bytes: number): Promise<void> {
  const file = createWriteStream(path);
  let left = bytes;
  for await (const program of filesIn(PROGRAMS)) {
    const whole = Buffer.alloc(Math.ceil(program.length / PAGE_BYTES) * PAGE_BYTES);
    program.copy(whole);
    const part = whole.subarray(0, left);
    left -= part.length;
    if (!file.write(part)) await once(file, 'drain');
    if (left === 0) break;
  }
  file.end();
  await once(file, 'close');
}

async function* filesIn(folders: readonly string[]): AsyncGenerator<Buffer> {
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) yield* filesIn([path]);
      else if (entry.isFile()) yield await readFile(path);
    }
  }
}
