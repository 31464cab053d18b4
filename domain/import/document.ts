// The document of a desktop of what was imported, with what its images tell.
import { DesktopDocument } from '../model/desktop-document.js';
import { parseInput } from '../model/parse.js';
import type { Imported, ImportedDisk } from './imported.js';

/** What is known of a disk's image beside its definition. */
export interface ImageFacts {
  /** Under which name it lies in an image folder of the host. */
  readonly name: string;
  /** Null where it could not be looked at. */
  readonly sizeMiB: number | null;
}

/** Stands where nobody knows the size; an image that is larger is refused when the desktop is made. */
const UNKNOWN_SIZE_MIB = 20_480;

/** The document, and for which disks its size is not known. `imageOf` null: the disk begins empty. */
export function importedDocument(
  imported: Imported,
  imageOf: (disk: ImportedDisk) => ImageFacts | null,
): { document: DesktopDocument; unknownSizes: string[] } {
  const {
    id,
    vcpus,
    memoryMiB,
    machine,
    firmware,
    secureBoot,
    nic,
    cpu,
    cdrom,
    display,
    usbTablet,
    tpm,
    guestAgent,
    boot,
  } = imported;
  const unknownSizes: string[] = [];
  const disks = imported.disks.map((disk) => {
    const image = imageOf(disk);
    const sizeMiB = image?.sizeMiB ?? disk.sizeMiB;
    if (sizeMiB === null) unknownSizes.push(disk.target);
    return {
      sizeMiB: sizeMiB ?? UNKNOWN_SIZE_MIB,
      bus: disk.bus,
      ...(image === null ? {} : { image: image.name }),
    };
  });
  const document = parseInput(
    DesktopDocument,
    {
      ...(id === null ? {} : { id }),
      vcpus,
      memoryMiB,
      disks,
      ...(boot === null ? {} : { boot: { kind: 'kernel', ...boot, initrd: boot.initrd ?? undefined } }),
      machine,
      firmware,
      ...(secureBoot ? { secureBoot } : {}),
      nic,
      ...(cpu === null ? {} : { cpu }),
      ...(cdrom === null ? {} : { cdrom: baseName(cdrom) }),
      display,
      usbTablet,
      ...(tpm ? { tpm } : {}),
      ...(guestAgent ? { guestAgent } : {}),
    },
    'what was imported',
  );
  return { document, unknownSizes };
}

/** The last part of a path, or of a volume's name. */
export const baseName = (source: string): string => source.replace(/^.*[/:]/, '');
