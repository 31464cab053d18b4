// What of a desktop may become another, from its next start on: what its machine is, not what it holds. Pure.
import { DesktopDefinition, withAddress } from './desktop.js';
import { documentOf, type DesktopDocument } from './desktop-document.js';
import { disksOf } from './hardware.js';
import { invalidInput, parseInput } from './parse.js';

/** What a document says that is fixed when a desktop is made. */
const FIXED = { firmware: 'bios', secureBoot: false, tpm: false } as const;

/**
 * The definition of a desktop as a document wants it from now on. What the document does not say is as for a new desktop, but for the machine's
 * type, which stays. What a disk was made from does not count any more. Throws INPUT_INVALID with everything that cannot be changed.
 */
export function editedDefinition(current: DesktopDefinition, document: DesktopDocument): DesktopDefinition {
  const problems: string[] = [];
  if (document.id !== undefined && document.id !== current.id)
    problems.push(`id: ${document.id} is another desktop's, expected ${current.id}`);
  for (const [field, otherwise] of Object.entries(FIXED)) {
    const key = field as keyof typeof FIXED;
    const [is, wanted] = [current[key] ?? otherwise, document[key] ?? otherwise];
    if (is !== wanted)
      problems.push(
        `${field}: is ${String(is)} since the desktop was made, and cannot become ${String(wanted)}`,
      );
  }
  const disks = disksOf(current);
  const sizes = (all: readonly { sizeMiB: number }[]) => all.map((d) => String(d.sizeMiB)).join(', ');
  if (sizes(disks) !== sizes(document.disks))
    problems.push(
      `disks: they are of ${sizes(disks)} MiB, in this order, and cannot become others (${sizes(document.disks)} MiB)`,
    );
  if (problems.length > 0) throw invalidInput(`the definition of ${current.id}`, problems);
  const { boot, machine = current.machine, ...rest } = document;
  const simple = current.disks === undefined && document.disks[0]?.bus === 'virtio';
  return parseInput(
    DesktopDefinition,
    {
      ...rest,
      id: current.id,
      machine,
      boot: withAddress(boot ?? { kind: 'disk' }, current.network),
      network: current.network,
      diskMiB: current.diskMiB,
      disks: simple
        ? undefined
        : disks.map((disk, i) => ({ ...disk, bus: document.disks[i]?.bus ?? disk.bus })),
    },
    `the definition of ${current.id}`,
  );
}

/** What differs between two definitions of a desktop, one line each. */
export function changesOf(before: DesktopDefinition, after: DesktopDefinition): string[] {
  const [was, is]: Record<string, unknown>[] = [documentOf(before), documentOf(after)];
  const fields = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
  return fields
    .map((f) => ({ f, was: shown(was?.[f]), is: shown(is?.[f]) }))
    .filter((change) => change.was !== change.is)
    .map((change) => `${change.f}: ${change.was} -> ${change.is}`);
}

const shown = (value: unknown) =>
  value === undefined ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value);
