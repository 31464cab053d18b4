// Where the lab's guest images and programs lie: scripts/setup builds them into the cache under the hash of their recipe folder.
// This file computes the same names; it never builds and never writes anything but a folder's time stamp.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmshadowError } from '../../domain/errors.js';

export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
  /** The same with Debian's qemu-guest-agent, which `vms.agent=1` starts in the small guest. */
  readonly agentInitrd: string;
  /** Raw disk, pristine: copy it (`cp --sparse=always`) before a guest writes to it. */
  readonly disk: string;
  /** Size of the disk as the guest sees it, MiB. */
  readonly diskMiB: number;
  /** How much of it holds data, MiB: what a migration has to copy. */
  readonly usedMiB: number;
  /** Kernel command line that every guest of this image needs; `guestAppend` adds address and services. */
  readonly append: string;
}

/** The cache folder of the project, outside the repo: VM images, the Temporal CLI. */
function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'vmshadow');
}

/** Where all images lie. */
export function imagesFolder(): string {
  return join(cacheFolder(), 'images');
}

const RECIPES = {
  base: 'lab/images/base',
  small: 'lab/images/small',
  desktop: 'lab/images/desktop',
  wan: 'lab/wan',
} as const;
export type ImageKind = keyof typeof RECIPES;

/** The checkout that this file belongs to, also when it runs from a bundle in dist/. */
export function checkoutFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, RECIPES.base))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new VmshadowError(
        'PREREQUISITE',
        'The lab was not found: it needs a checkout of the repository (folder lab/), as the installed package has none.',
      );
    folder = parent;
  }
  return folder;
}

/** Hash a recipe folder as scripts/setup.d/images.sh does: the sha256sum listing of its files, hashed. */
export function recipeHash(folder: string): string {
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const listing = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `./${join(entry.parentPath, entry.name).slice(folder.length + 1)}`)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((path) => `${sha256(readFileSync(join(folder, path)))}  ${path}\n`);
  return sha256(listing.join('')).slice(0, 16);
}

/** The folder of a built image; throw PREREQUISITE when setup has not built it. */
export function imageFolder(kind: ImageKind): string {
  const hash = recipeHash(join(checkoutFolder(), RECIPES[kind]));
  const folder = join(cacheFolder(), 'images', `${kind}-${hash}`);
  if (!existsSync(folder))
    throw new VmshadowError(
      'PREREQUISITE',
      `The lab's ${kind} image is not built (expected ${folder}): run \`npm run setup\` as root.`,
      { details: { kind, folder } },
    );
  // Setup removes images that nobody has looked at for two weeks.
  utimesSync(folder, new Date(), new Date());
  return folder;
}

/**
 * panic=-1 with -no-reboot: a guest that panics ends its QEMU, and so is seen. no_timer_check: an emulated processor that is not run for long
 * makes the kernel believe that its timer does not tick, and panic.
 */
const BASE_APPEND = 'console=ttyS0 quiet panic=-1 no_timer_check';

function image(kind: 'small' | 'desktop', append: string): GuestImage {
  const base = imageFolder('base');
  const disk = join(imageFolder(kind), 'disk.raw');
  const { size, blocks } = statSync(disk);
  return {
    kernel: join(base, 'vmlinuz'),
    initrd: join(base, 'initrd.gz'),
    agentInitrd: join(base, 'initrd-agent.gz'),
    disk,
    diskMiB: size / 2 ** 20,
    // st_blocks counts 512 bytes each, whatever the file system.
    usedMiB: Math.ceil((blocks * 512) / 2 ** 20),
    append,
  };
}

/** The busybox guest: needs 96 MiB of RAM, answers in 3 to 4 s under software emulation, carries the test services of lab/images/base/guest. */
export function smallGuest(): GuestImage {
  return image('small', BASE_APPEND);
}

/** The desktop with a VNC server on port 5901; `vms.app` chooses what runs on it. */
export function desktopImage(): GuestImage {
  return image('desktop', `${BASE_APPEND} vms.root=/dev/vda`);
}

/** Complete a kernel command line with the guest's address and keys such as `{ 'vms.app': 'video' }`. */
export function guestAppend(
  image: GuestImage,
  network: { readonly address: string; readonly prefix?: number; readonly gateway: string },
  keys: Readonly<Record<string, string | number>> = {},
): string {
  const address = `vms.ip=${network.address}/${String(network.prefix ?? 30)} vms.gw=${network.gateway}`;
  const rest = Object.entries(keys).map(([key, value]) => `${key}=${String(value)}`);
  return [image.append, address, ...rest].join(' ');
}
