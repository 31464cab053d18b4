// The page's files, as the build made them: read once, kept as they go over the wire.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { VmshadowError } from '../../domain/errors.js';
import { isMissing } from '../../os/file-operations.js';

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'world.json': 'application/json',
} as const;

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

/** Beside this file where it was built, in the build of a checkout otherwise. */
const FOLDERS = ['../assets/', '../../dist/web/assets/'].map((path) => new URL(path, import.meta.url));

const pack = promisify(gzip);

/** Read all of them; throws PREREQUISITE where they were not built. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const assets = await Promise.all(
    Object.entries(TYPES).map(async ([name, type]): Promise<[string, Asset]> => {
      const bytes = await readBuilt(name);
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      return [name, { type, bytes, gzipped: await pack(bytes), etag }];
    }),
  );
  return new Map(assets);
}

async function readBuilt(name: string): Promise<Buffer> {
  for (const folder of FOLDERS)
    try {
      return await readFile(new URL(name, folder));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  throw new VmshadowError('PREREQUISITE', `the page's ${name} is not there: run \`npm run build\``);
}
