// `vmshadow desktop import`: another program's definition of a machine as the document of a desktop, with all that it leaves out said, and
// its disks copied into plain images if that is asked for. Needs no cloud.
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode, messageOf, VmshadowError } from '../../domain/errors.js';
import { baseName, importedDocument, type ImageFacts } from '../../domain/import/document.js';
import type { Imported, ImportedDisk } from '../../domain/import/imported.js';
import { importLibvirt } from '../../domain/import/libvirt.js';
import { importProxmox } from '../../domain/import/proxmox.js';
import { errnoOf } from '../../os/file-operations.js';
import { flattenImage, virtualMiB, type SourceImage } from '../../drivers/qemu/process/flatten-image.js';
import { parseArguments } from '../arguments.js';
import type { CliContext } from '../context.js';
import { isThere } from '../is-there.js';
import { readXml } from '../import/xml.js';
import { printable } from '../render/table.js';

const Import = z
  .object({
    libvirt: z.string().min(1).optional(),
    proxmox: z.string().min(1).optional(),
    output: z.string().min(1).optional(),
    disks: z.string().min(1).optional(),
    storage: z
      .array(z.string().regex(/^[^=]+=\/.*$/, 'expected NAME=FOLDER'))
      .default([])
      .transform(
        (list) => new Map(list.map((s) => [s.slice(0, s.indexOf('=')), s.slice(s.indexOf('=') + 1)])),
      ),
    force: z.boolean().default(false),
    json: z.boolean().default(false),
  })
  .refine(
    (o) => (o.libvirt === undefined) !== (o.proxmox === undefined),
    'expected --libvirt FILE or --proxmox FILE',
  );
type Given = z.output<typeof Import>;

/** Where Proxmox keeps the volumes of the storages that every installation has. */
const STORAGES = new Map([
  ['local', '/var/lib/vz/images'],
  ['local-lvm', '/dev/pve'],
]);
const MOST_BYTES = 2 ** 20;

/** Run `vmshadow desktop import`. */
export async function importDesktopCommand(context: CliContext, raw: unknown): Promise<void> {
  const given = parseArguments(Import, raw, 'desktop import');
  const imported = await readDefinition(given);
  // Copying disks may take hours: what would fail after it fails now.
  if (given.output !== undefined && !given.force && (await isThere(given.output)))
    throw isTaken(given.output);
  const images = new Map<ImportedDisk, ImageFacts>();
  const notes: string[] = [];
  const names = imageNames(imported.disks, given.disks !== undefined);
  for (const [i, disk] of imported.disks.entries()) {
    const image = await imageOf(context, disk, names[i] ?? '', given, notes);
    if (image !== null) images.set(disk, image);
  }
  const { document, unknownSizes } = importedDocument(imported, (disk) => images.get(disk) ?? null);
  const changed = [
    ...imported.changed,
    ...notes,
    ...unknownSizes.map((target) => `the size of ${target} is not known: correct its sizeMiB`),
    ...(imported.display === 'none'
      ? []
      : ['its screen is not shown from outside: it needs a VNC or RDP server of its own']),
  ];
  const { leftOut } = imported;
  if (given.json) {
    await write(given, `${JSON.stringify(document, null, 2)}\n`);
    context.out(JSON.stringify({ document, changed, leftOut }, null, 2));
    return;
  }
  const { stringify } = await import('yaml');
  const text = stringify(document);
  if (given.output === undefined) context.out(text.trimEnd());
  else await write(given, text);
  if (changed.length > 0) context.note(`CHANGED\n${changed.map((c) => `  ${printable(c)}`).join('\n')}`);
  if (leftOut.length > 0) context.note(`LEFT OUT\n${leftOut.map((l) => `  ${printable(l)}`).join('\n')}`);
}

async function write({ output, force }: Given, text: string): Promise<void> {
  if (output === undefined) return;
  try {
    await writeFile(output, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw isTaken(output);
    throw new VmshadowError('PREREQUISITE', `${output} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const isTaken = (path: string) =>
  new VmshadowError('ALREADY_EXISTS', `${path} is there already; --force overwrites it`);

/** Under which name each disk is to lie in an image folder: no two have one. */
function imageNames(disks: readonly ImportedDisk[], flattened: boolean): string[] {
  const taken = new Set<string>();
  return disks.map(({ source }) => {
    const plain = baseName(source ?? '');
    const [, stem = plain, ending = ''] = /^(.+?)(\.(?:qcow2|raw|img|vmdk))?$/i.exec(plain) ?? [];
    const nameOf = (n: number) => `${stem}${n === 1 ? '' : `-${String(n)}`}${flattened ? '.qcow2' : ending}`;
    let n = 1;
    while (source !== null && taken.has(nameOf(n))) n++;
    taken.add(nameOf(n));
    return nameOf(n);
  });
}

async function readDefinition({ libvirt, proxmox }: Given): Promise<Imported> {
  const file = libvirt ?? proxmox ?? '';
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new VmshadowError('INPUT_INVALID', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (libvirt !== undefined) return importLibvirt(readXml(bytes, file));
  if (bytes.length > MOST_BYTES)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${file}: larger than ${String(MOST_BYTES)} bytes: that is no configuration`,
    );
  return importProxmox(bytes.toString('utf8'));
}

/** Where a disk lies on this machine; null where that is not known. */
function pathOf(source: string, { proxmox, storage }: Given): string | null {
  if (source.startsWith('/')) return source;
  if (proxmox === undefined) return null;
  const [, name = '', volume = ''] = /^([^:]+):(.+)$/.exec(source) ?? [];
  const folder = storage.get(name) ?? STORAGES.get(name);
  return folder === undefined || volume.split('/').includes('..') ? null : join(folder, volume);
}

async function imageOf(
  context: CliContext,
  disk: ImportedDisk,
  name: string,
  given: Given,
  notes: string[],
): Promise<ImageFacts | null> {
  const { source, target, isRaw = false } = disk;
  if (source === null) return null;
  const path = pathOf(source, given);
  const sizeMiB = path === null ? null : await sizeOf({ path, isRaw });
  if (given.disks === undefined) {
    notes.push(
      `${target}: bring ${source} to an image folder of the host as ${name} (--disks copies and flattens it)`,
    );
    return { name, sizeMiB };
  }
  if (path === null || sizeMiB === null)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${target}: ${source} is not on this machine${given.proxmox === undefined ? '' : ': name the folder of its storage with --storage NAME=FOLDER'}; without --disks only the definition is made`,
    );
  const to = join(given.disks, name);
  if ((await isThere(to)) && (await realpath(to)) === (await realpath(path)))
    throw new VmshadowError(
      'INPUT_INVALID',
      `${target}: its copy would overwrite ${source} itself: give --disks another folder`,
    );
  if (!given.force && (await isThere(to))) throw isTaken(to);
  await mkdir(given.disks, { recursive: true });
  let said = -10;
  await flattenImage({ path, isRaw }, to, (share) => {
    const percent = Math.floor(share * 100);
    if (percent < said + 10) return;
    said = percent;
    context.note(printable(`${target}  ${String(percent)} % of ${String(sizeMiB)} MiB`));
  });
  return { name, sizeMiB };
}

async function sizeOf(image: SourceImage): Promise<number | null> {
  try {
    return await virtualMiB(image);
  } catch (error) {
    if (hasCode(error, 'COMMAND')) return null;
    throw error;
  }
}
