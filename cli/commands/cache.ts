// `vmshadow cache`: the site cache of this host, from which moves to it take what is there already.
import { lchown, mkdtemp, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VmshadowError, isVmshadowError, messageOf } from '../../domain/errors.js';
import { Dom0Config } from '../../domain/model/dom0.js';
import { inspectImage } from '../../drivers/qemu/process/disk-image.js';
import { cacheFolder } from '../../drivers/qemu/process/layout.js';
import { makeFolderDurably } from '../../os/durable-file.js';
import { runCommand } from '../../os/run-command.js';
import { SiteCache, cacheUse } from '../../transfer/cache/site-cache.js';
import { PAGE_BYTES, hashOf, isZero } from '../../transfer/stream/pages.js';
import { parseArguments } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { MAKE_EXAMPLE_DOM0 } from '../example-config.js';
import { formatBytes } from '../render/format.js';

const common = { config: z.string().min(1), json: z.boolean().default(false) };
const Show = z.object(common);
const Add = z.object({ ...common, image: z.string().min(1) });
const READ_BYTES = 1024 * PAGE_BYTES;
/** A large image takes minutes to be unpacked. */
const CONVERT_WITHIN_MS = 3_600_000;

const configOf = (file: string): Promise<Dom0Config> =>
  loadConfig(file, Dom0Config, "this host's configuration", MAKE_EXAMPLE_DOM0);

/** Print what the cache holds, and of how much. */
export async function showCacheCommand(context: CliContext, raw: unknown): Promise<void> {
  const { config: file, json } = parseArguments(Show, raw, 'cache show');
  const config = await configOf(file);
  const folder = cacheFolder(config.stateDir);
  const there = (await stat(folder).catch(() => null)) !== null;
  const use = { folder, limitBytes: config.cacheMiB * 2 ** 20, ...(there ? cacheUse(folder) : NOTHING) };
  context.out(
    json
      ? JSON.stringify(use, null, 2)
      : `${folder}: ${String(use.pages)} pages in ${String(use.parts)} parts, ${formatBytes(use.bytes)} of ${formatBytes(use.limitBytes)}`,
  );
}

const NOTHING = { parts: 0, pages: 0, bytes: 0 };

/** Put the pages of an image, raw or qcow2, into the cache, so that the first move of a desktop made from it is a warm one. */
export async function addCacheCommand(context: CliContext, raw: unknown): Promise<void> {
  const { config: file, json, image } = parseArguments(Add, raw, 'cache add', ['image']);
  const config = await configOf(file);
  const folder = cacheFolder(config.stateDir);
  const known = await stat(image).catch((cause: unknown) => {
    throw new VmshadowError(
      'INPUT_INVALID',
      `there is no image ${image} that can be read: ${messageOf(cause)}`,
    );
  });
  if (!known.isFile())
    throw new VmshadowError('INPUT_INVALID', `${image} is no file: give a raw or qcow2 image`);
  await makeFolderDurably(folder);
  const added = await withRaw(image, config.stateDir, (handle) =>
    addPages(handle, folder, config.cacheMiB * 2 ** 20),
  ).catch((cause: unknown) => {
    if (isVmshadowError(cause)) throw cause;
    throw new VmshadowError('INPUT_INVALID', `cannot read the image ${image}: ${messageOf(cause)}`, {
      cause,
    });
  });
  // Whoever owns the folder is who the relays are.
  const { uid, gid } = await stat(folder);
  for (const name of added.files) await lchown(join(folder, name), uid, gid);
  context.out(
    json
      ? JSON.stringify({ image, pages: added.pages, addedPages: added.newPages }, null, 2)
      : `${image}: ${String(added.pages)} pages that are not zero, ${String(added.newPages)} of them new to the cache`,
  );
}

async function addPages(
  handle: FileHandle,
  folder: string,
  limitBytes: number,
): Promise<{ pages: number; newPages: number; files: string[] }> {
  const problems: string[] = [];
  const cache = new SiteCache({ folder, limitBytes, onProblem: (problem) => problems.push(problem) });
  const before = cache.pages;
  let pages = 0;
  const buffer = Buffer.alloc(READ_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      for (let at = 0; at + PAGE_BYTES <= bytesRead; at += PAGE_BYTES) {
        const page = buffer.subarray(at, at + PAGE_BYTES);
        if (isZero(page)) continue;
        pages++;
        cache.put(hashOf(page), page);
      }
    }
    cache.flush();
    const [problem] = problems;
    if (problem !== undefined) throw new VmshadowError('OUT_OF_SPACE', problem);
    return { pages, newPages: cache.pages - before, files: cache.written };
  } finally {
    cache.close();
  }
}

/** Work on an image as raw bytes; `folder` is one that no other user writes to. */
async function withRaw<T>(
  image: string,
  folder: string,
  work: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const { format } = await inspectImage(image);
  if (format === 'raw') {
    const handle = await open(image, 'r');
    return work(handle).finally(() => handle.close());
  }
  const unpacked = await mkdtemp(join(folder, 'cache-add-'));
  try {
    const path = join(unpacked, 'image.raw');
    await runCommand(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, path], {
      timeoutMs: CONVERT_WITHIN_MS,
    });
    const handle = await open(path, 'r');
    return await work(handle).finally(() => handle.close());
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
