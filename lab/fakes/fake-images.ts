// The image folder of every fake host: all names but those of a machine's own files.
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';

/** What its disks are made from, where the definition says that. */
export function diskImages({ disks }: DesktopDefinition): string[] {
  return (disks ?? []).flatMap(({ image }) => (image === undefined ? [] : [image]));
}

/** Throw INPUT_INVALID where one of them is no image. */
export function mustBeImages(names: readonly (string | null)[]): void {
  for (const name of names)
    if (name !== null && (/^\/(etc|proc)\//.test(name) || name.split('/').includes('..')))
      throw new VmshadowError('INPUT_INVALID', `fake: ${name} does not lie in an image folder`);
}
