// How dom0 starts a relay: this very program, from the checkout or from what was built of it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The command that `vmshadow relay` is. */
export function relayCommand(): string[] {
  const places = ['../bin/vmshadow.js', '../../bin/vmshadow.js'].map((up) =>
    fileURLToPath(new URL(up, import.meta.url)),
  );
  return [process.execPath, places.find((path) => existsSync(path)) ?? 'vmshadow', 'relay'];
}
