// TLS credentials as QEMU objects, read from the host's certificate folder anew for each move, so that renewed certificates are used
// without a restart. Streams check the peer against the cloud's authority; the source checks the address it connects to as well, and the
// target that the source's certificate names this move's source: another host of the cloud is nobody to it.
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRef } from '../../../domain/model/ids.js';
import { readTextIfThere } from '../../../os/durable-file.js';
import { distinguishedName, hostPkiFiles } from '../../peers/pki.js';
import { prepareFolders } from './folders.js';
import type { QemuHost } from './qemu-host.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { unlessRefused } from '../qmp/qmp-replies.js';

/** Load this host's client certificate into a source's QEMU under `id`. */
export function addClientCredentials(host: QemuHost, qmp: QmpClient, id: string): Promise<void> {
  return addCredentials(host, qmp, id, 'client');
}

/** Load this host's server certificate into a target's QEMU under `id`. */
export function addServerCredentials(host: QemuHost, qmp: QmpClient, id: string): Promise<void> {
  return addCredentials(host, qmp, id, 'server');
}

async function addCredentials(
  host: QemuHost,
  qmp: QmpClient,
  id: string,
  endpoint: 'client' | 'server',
): Promise<void> {
  await removeCredentials(qmp, id);
  await withCertificates(host, async (dir) => {
    await qmp.execute('object-add', {
      'qom-type': 'tls-creds-x509',
      id,
      dir,
      endpoint,
      'verify-peer': true,
    });
  });
}

/**
 * Let QEMU's user read a copy of this host's certificates and keys for as long as `work` lasts (QEMU reads them once). Where they lie only
 * root reads them; no guest that breaks out of its QEMU finds them afterwards.
 */
export async function withCertificates(host: QemuHost, work: (dir: string) => Promise<void>): Promise<void> {
  const { runAs, pki } = host.options;
  if (runAs === null) return work(pki.dir);
  await prepareFolders(host);
  const dir = await mkdtemp(join(host.layout.certificatesFolder, 'x'));
  try {
    const from = hostPkiFiles(pki.dir);
    const to = hostPkiFiles(dir);
    for (const name of ['ca', 'crl', 'serverCert', 'serverKey', 'clientCert', 'clientKey'] as const) {
      const text = await readTextIfThere(from[name]);
      // QEMU says which file it misses.
      if (text === null) continue;
      await writeFile(to[name], text, { mode: 0o600 });
      await chown(to[name], runAs.uid, runAs.gid);
    }
    await chown(dir, 0, runAs.gid);
    await chmod(dir, 0o710);
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Say to a target's QEMU, under `id`, that a stream is taken from one host alone. */
export async function addAuthorization(qmp: QmpClient, id: string, from: HostRef): Promise<void> {
  await qmp.execute('object-add', { 'qom-type': 'authz-simple', id, identity: distinguishedName(from) });
}

/** Forget credentials; those that are not there (or that a stream still uses until it ends) are left. */
export async function removeCredentials(qmp: QmpClient, id: string): Promise<void> {
  await unlessRefused(qmp.execute('object-del', { id }));
}
