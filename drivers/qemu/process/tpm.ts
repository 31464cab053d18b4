// The TPM of a desktop's copy: a swtpm of its own beside its QEMU, as the same user. What it keeps for ever lies in a folder of the copy, and
// travels in QEMU's memory stream: a copy that comes in begins with nothing and has all of it when its memory is complete, the source keeps
// its own until it is retired. So it goes on at one end alone, as the memory does.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import { VmshadowError } from '../../../domain/errors.js';
import { isMissing, makeFolderDurably } from '../../../os/durable-file.js';
import { NODE_FILES } from '../../../os/file-operations.js';
import { findProcess, killByPidFile, startProcess } from '../../../os/host-process.js';
import { asUser, giveFolder } from '../../../os/run-as.js';
import type { CopyFiles, TpmFiles } from './layout.js';
import type { QemuHost } from './qemu-host.js';

/** Debian's package `swtpm`. */
const SWTPM = '/usr/bin/swtpm';

/** Throw PREREQUISITE where this host cannot give a desktop the TPM that it wants. */
export async function mustHaveTpm({ tpm }: DesktopDefinition): Promise<void> {
  if (tpm !== true || (await isThere(SWTPM))) return;
  throw new VmshadowError(
    'PREREQUISITE',
    `this host cannot run a desktop with \`tpm: true\`: there is no ${SWTPM}; install the package swtpm`,
  );
}

/** Make the place of a new TPM, where the definition has one. What an interrupted creation left there goes. */
export async function makeTpm({ tpm }: DesktopDefinition, { state }: TpmFiles): Promise<void> {
  await removeTpm(state);
  if (tpm === true) await makeFolderDurably(state);
}

/** Remove what a TPM keeps. */
export async function removeTpm(state: string): Promise<void> {
  await rm(state, { recursive: true, force: true });
}

/** Start a copy's TPM, where it has one; QEMU connects to it. One that waits for memory begins with nothing, whatever an earlier try has left. */
export async function startTpm(
  host: QemuHost,
  definition: DesktopDefinition,
  files: CopyFiles,
  incoming: boolean,
): Promise<void> {
  if (definition.tpm !== true) return;
  const { tpm } = files;
  await endTpm(tpm);
  if (incoming) await makeTpm(definition, tpm);
  // A new one in its place would be another machine to the guest: keys that it has sealed would be lost, and nobody told.
  else if (!(await isThere(tpm.state)))
    throw new VmshadowError(
      'PREREQUISITE',
      `what the TPM of ${definition.id} keeps is gone: there is no ${tpm.state}. Put it back from a backup; ` +
        'an empty folder there is a new TPM, for which the guest has no keys',
    );
  const { runAs } = host.options;
  await giveFolder(runAs, tpm.state);
  const command = asUser(runAs, tpmCommand(tpm));
  await startProcess(SWTPM, command, tpm.pidFile, tpm.log, () => isThere(tpm.socket));
}

/** Render the command line of swtpm. It ends with the QEMU that has connected to it. */
function tpmCommand({ state, socket, pidFile }: TpmFiles): string[] {
  return [
    ...[SWTPM, 'socket', '--tpm2', '--terminate'],
    ...['--tpmstate', `dir=${state},mode=0600`],
    ...['--ctrl', `type=unixio,path=${socket},mode=0600`],
    ...['--pid', `file=${pidFile}`],
  ];
}

/** End a copy's TPM, if there is one. */
export async function endTpm({ pidFile, socket }: TpmFiles): Promise<void> {
  await killByPidFile(pidFile);
  await rm(socket, { force: true });
}

/** Tell whether a copy that has a QEMU lacks the TPM that it began with: it cannot be given another while it runs. */
export async function hasLostTpm({ tpm }: DesktopDefinition, files: CopyFiles): Promise<boolean> {
  return tpm === true && (await findProcess(files.tpm.pidFile)) === null;
}

/** Throw MEMORY_COPY where a copy has lost its TPM, of which its memory says that it is there. */
export async function mustHaveKeptTpm(definition: DesktopDefinition, files: CopyFiles): Promise<void> {
  if (await hasLostTpm(definition, files))
    throw new VmshadowError(
      'MEMORY_COPY',
      `the process of the TPM of ${definition.id} has died: the desktop cannot be moved before it was stopped and started`,
    );
}

/** See that what has come with the memory is on stable storage: swtpm does not see to it. */
export async function syncTpm({ tpm }: DesktopDefinition, { tpm: { state } }: CopyFiles): Promise<void> {
  if (tpm !== true) return;
  for (const name of await readdir(state)) await NODE_FILES.sync(join(state, name));
  await NODE_FILES.sync(state);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}
