// Makes the drives of a new desktop: from images, empty, or from what the firmware's variables begin with. One progress tells of all.
import { copyFile, stat } from 'node:fs/promises';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import { VmshadowError } from '../../../domain/errors.js';
import { isMissing } from '../../../os/durable-file.js';
import { diskHead, whyNotBootable } from './bootable.js';
import { ovmfOf } from './devices.js';
import { createEmptyDisk, imageBytes, importImage, syncFile, type CopyWatch } from './disk-image.js';
import { driveFile, drivesOf, type Drive, UEFI_VARS_BYTES } from './drives.js';
import { findImage } from './images.js';
import type { QemuHost } from './qemu-host.js';

interface DriveSource {
  readonly drive: Drive;
  /** Null: empty, or the firmware's. */
  readonly image: string | null;
}

/** Find what each drive is made from, `first` being the first disk's unless its definition says another; throws as `findImage` does. */
export async function findSources(
  host: QemuHost,
  definition: DesktopDefinition,
  first: string | null,
): Promise<DriveSource[]> {
  await mustHaveFirmware(definition);
  return Promise.all(
    drivesOf(definition).map(async (drive, i) => {
      const name = drive.image ?? (i === 0 ? first : null);
      return { drive, image: name === null ? null : await findImage(host.options, name) };
    }),
  );
}

/** Throw PREREQUISITE where a desktop wants UEFI firmware that this host does not have, of the size that desktops have. */
export async function mustHaveFirmware(definition: DesktopDefinition): Promise<void> {
  if (definition.firmware !== 'uefi') return;
  const ovmf = ovmfOf(definition);
  const why = await Promise.all([stat(ovmf.code), stat(ovmf.vars)]).then(
    ([, vars]) => (vars.size === UEFI_VARS_BYTES ? null : `${ovmf.vars} holds ${String(vars.size)} bytes`),
    (error: unknown) => {
      if (isMissing(error)) return `there is no ${ovmf.code}`;
      throw error;
    },
  );
  if (why !== null)
    throw new VmshadowError(
      'PREREQUISITE',
      `this host cannot run a desktop with \`${definition.secureBoot === true ? 'secureBoot: true' : 'firmware: uefi'}\`: ${why}; install the package ovmf`,
    );
}

/** Make the files of all drives beside `disk`, the first one's. Throws as `importImage` does; what is made by then stays. */
export async function makeDrives(
  sources: readonly DriveSource[],
  disk: string,
  { definition, watch }: { definition: DesktopDefinition; watch: CopyWatch },
): Promise<void> {
  const sizes = await Promise.all(sources.map(async ({ image }) => (image === null ? 0 : imageBytes(image))));
  const totalBytes = sizes.reduce((sum, n) => sum + n, 0);
  let doneBytes = 0;
  for (const [i, { drive, image }] of sources.entries()) {
    const path = driveFile(disk, drive);
    const before = doneBytes;
    if (drive.device === null) await copyVariables(definition, path);
    else if (image === null) await createEmptyDisk(path, drive.sizeBytes);
    else
      await importImage(image, path, drive.sizeBytes, {
        signal: watch.signal,
        onProgress: (done) => watch.onProgress(before + done, totalBytes),
      });
    doneBytes += sizes[i] ?? 0;
  }
}

/**
 * Throw INPUT_INVALID where a desktop that boots from its disks can be known not to: every disk that was made from an image says so. An empty
 * disk, or a CD-ROM, is for an installer.
 */
export async function mustBeBootable(
  { boot, cdrom, firmware = 'bios' }: DesktopDefinition,
  sources: readonly DriveSource[],
  disk: string,
): Promise<void> {
  if (boot.kind !== 'disk' || cdrom !== undefined) return;
  const made = sources.filter(({ image }) => image !== null);
  const reasons = await Promise.all(
    made.map(async ({ drive }) => whyNotBootable(await diskHead(driveFile(disk, drive)), firmware)),
  );
  const [why] = reasons;
  if (why === undefined || reasons.includes(null)) return;
  throw new VmshadowError(
    'INPUT_INVALID',
    `image ${made[0]?.image ?? ''} cannot boot with firmware ${firmware}: ${why ?? ''}`,
  );
}

async function copyVariables(definition: DesktopDefinition, path: string): Promise<void> {
  await copyFile(ovmfOf(definition).vars, path);
  await syncFile(path);
}
