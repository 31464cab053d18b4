// A desktop as a file (`vmshadow desktop create -f`, `desktop show`): what an operator decides of it. Where it is, which address it has and who
// may follow it is the cloud's to say. Both ways, so that what is shown makes the same desktop again.
import { z } from 'zod';
import { Boot, DesktopDefinition } from './desktop.js';
import { disksOf, firmwareProblems, HARDWARE, type DiskDefinition } from './hardware.js';
import { DesktopId } from './ids.js';

const fields = DesktopDefinition.out.shape;

export const DesktopDocument = z
  .strictObject({
    /** May be given to the command instead. */
    id: DesktopId.optional(),
    vcpus: fields.vcpus,
    memoryMiB: fields.memoryMiB,
    disks: HARDWARE.disks.unwrap(),
    boot: Boot.optional(),
    machine: fields.machine.unwrap().optional(),
    firmware: HARDWARE.firmware,
    secureBoot: HARDWARE.secureBoot,
    nic: HARDWARE.nic,
    cpu: HARDWARE.cpu,
    cdrom: HARDWARE.cdrom,
    display: HARDWARE.display,
    usbTablet: HARDWARE.usbTablet,
    tpm: HARDWARE.tpm,
    balloon: HARDWARE.balloon,
    guestAgent: HARDWARE.guestAgent,
    remoteDesktopPort: fields.remoteDesktopPort,
  })
  .superRefine((document, ctx) => {
    for (const [field, message] of firmwareProblems(document))
      ctx.addIssue({ code: 'custom', path: [field], message });
  });
export type DesktopDocument = z.infer<typeof DesktopDocument>;

/** The part of a definition that a document makes. */
type Wanted = Omit<DesktopDocument, 'id' | 'disks'> & {
  readonly diskMiB: number;
  readonly disks?: readonly DiskDefinition[] | undefined;
  /** What the first disk is made from. */
  readonly image: string | undefined;
};

/** What to ask for by a document: one virtio disk alone is written the simple way, as the options of the command write it. */
export function wantedOf({ disks, ...document }: DesktopDocument): Wanted {
  const rest: Omit<DesktopDocument, 'disks'> = { ...document };
  delete rest.id;
  const diskMiB = disks.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
  const [first, ...others] = disks;
  const image = first?.image;
  const simple = others.length === 0 && first?.bus === 'virtio';
  return { ...rest, diskMiB, image, ...(simple ? {} : { disks }) };
}

/** The document of a definition. */
export function documentOf(definition: DesktopDefinition): DesktopDocument {
  const known = Object.entries(definition).filter(([key]) => key in DesktopDocument.shape);
  const { boot } = definition;
  return DesktopDocument.parse({
    ...Object.fromEntries(known),
    boot: boot.kind === 'disk' ? undefined : boot,
    disks: disksOf(definition),
  });
}
