// TLS credentials as QEMU objects, read from the host's certificate folder anew for each move, so that renewed certificates are used
// without a restart. Streams check the peer against the cloud's authority; the source checks the address it connects to as well, and the
// target that the source's certificate names this move's source: another host of the cloud is nobody to it.
import type { HostRef } from '../../../domain/model/ids.js';
import { distinguishedName } from '../../peers/pki.js';
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

/** Say to a target's QEMU, under `id`, that a stream is taken from one host alone. */
export async function addAuthorization(qmp: QmpClient, id: string, from: HostRef): Promise<void> {
  await qmp.execute('object-add', { 'qom-type': 'authz-simple', id, identity: distinguishedName(from) });
}

/** Forget credentials; those that are not there (or that a stream still uses until it ends) are left. */
export async function removeCredentials(qmp: QmpClient, id: string): Promise<void> {
  await unlessRefused(qmp.execute('object-del', { id }));
}
