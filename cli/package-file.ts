// Files of the package, wherever it is installed: beside cli/ as beside dist/.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VmshadowError } from '../domain/errors.js';

/** The absolute path of a file that the package brings. */
export function packageFile(name: string): string {
  const paths = ['../', '../../'].map((up) => fileURLToPath(new URL(up + name, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined)
    throw new VmshadowError('INTERNAL', `${name} is missing from the package: install it again`);
  return found;
}
