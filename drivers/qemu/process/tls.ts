// TLS credentials as QEMU objects, read from the host's certificate folder anew for each move, so that renewed certificates are used
// without a restart. Streams check the peer against the cloud's authority, and the source checks the address it connects to as well.
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
  await qmp.execute('object-add', {
    'qom-type': 'tls-creds-x509',
    id,
    dir: host.options.pki.dir,
    endpoint,
    'verify-peer': true,
  });
}

/** Forget credentials; those that are not there (or that a stream still uses until it ends) are left. */
export async function removeCredentials(qmp: QmpClient, id: string): Promise<void> {
  await unlessRefused(qmp.execute('object-del', { id }));
}
