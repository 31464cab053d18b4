// `vmshadow desktop import`: another program's definition of a machine as the document of a desktop, with all that it leaves out said, and
// its disks copied into plain images if that is asked for. Needs no cloud.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode, messageOf, VmshadowError } from '../../domain/errors.js';
import { baseName, importedDocument, type ImageFacts } from '../../domain/import/document.js';
import type { Imported, ImportedDisk } from '../../domain/import/imported.js';
import { importLibvirt } from '../../domain/import/libvirt.js';
import { importProxmox } from '../../domain/import/proxmox.js';
import { flattenImage, virtualMiB } from '../../drivers/qemu/process/flatten-image.js';
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
  const images = new Map<ImportedDisk, ImageFacts>();
  const notes: string[] = [];
  for (const disk of imported.disks) {
    const image = await imageOf(context, disk, given, notes);
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
    const text = JSON.stringify({ document, changed, leftOut }, null, 2);
    if (given.output === undefined) context.out(text);
    else await write(given, `${JSON.stringify(document, null, 2)}\n`);
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
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new VmshadowError('ALREADY_EXISTS', `${output} is there already; --force overwrites it`);
  }
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
  given: Given,
  notes: string[],
): Promise<ImageFacts | null> {
  const { source, target } = disk;
  if (source === null) return null;
  const path = pathOf(source, given);
  const sizeMiB = path === null ? null : await sizeOf(path);
  const plain = baseName(source);
  if (given.disks === undefined) {
    notes.push(
      `${target}: bring ${source} to an image folder of the host as ${plain} (--disks copies and flattens it)`,
    );
    return { name: plain, sizeMiB };
  }
  if (path === null || sizeMiB === null)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${target}: ${source} is not on this machine${given.proxmox === undefined ? '' : ': name the folder of its storage with --storage NAME=FOLDER'}; without --disks only the definition is made`,
    );
  const name = `${plain.replace(/\.(qcow2|raw|img|vmdk)$/i, '')}.qcow2`;
  const to = join(given.disks, name);
  if (!given.force && (await isThere(to)))
    throw new VmshadowError('ALREADY_EXISTS', `${to} is there already; --force overwrites it`);
  await mkdir(given.disks, { recursive: true });
  let said = -10;
  await flattenImage(path, to, (share) => {
    const percent = Math.floor(share * 100);
    if (percent < said + 10) return;
    said = percent;
    context.note(`${target}  ${String(percent)} % of ${String(sizeMiB)} MiB`);
  });
  return { name, sizeMiB };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return await virtualMiB(path);
  } catch (error) {
    if (hasCode(error, 'COMMAND')) return null;
    throw error;
  }
}
