// One end of a move's relay as a process: reads the host's certificates, then gives up root for good, then listens. Its pid file says that
// everything is in force.
import { readFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { hostPkiFiles } from '../drivers/peers/pki.js';
import { readTextIfThere } from '../os/durable-file.js';
import type { RunAs } from '../os/run-as.js';
import { Relay, type RelayTls } from '../transfer/relay/relay.js';
import type { RelaySpec } from '../transfer/relay/spec.js';

/** Run a relay until `signal` is aborted or nobody has used it for long. */
export async function runRelay(spec: RelaySpec, logger: Logger, signal: AbortSignal): Promise<void> {
  const tls = await readCertificates(spec);
  become(spec.runAs);
  const relay = new Relay(spec, tls, logger);
  try {
    await relay.start();
    writeFileSync(spec.pidFile, `${process.pid}\n`);
    await relay.untilDone(signal);
  } finally {
    relay.close();
  }
}

async function readCertificates({ pkiDir, end }: RelaySpec): Promise<RelayTls> {
  const files = hostPkiFiles(pkiDir);
  const [cert, key] =
    end.role === 'source' ? [files.clientCert, files.clientKey] : [files.serverCert, files.serverKey];
  const crl = await readTextIfThere(files.crl);
  return {
    ca: await readFile(files.ca, 'utf8'),
    cert: await readFile(cert, 'utf8'),
    key: await readFile(key, 'utf8'),
    ...(crl === null ? {} : { crl }),
  };
}

/** Root's rights end here, in all threads. */
function become(user: RunAs | null): void {
  if (user === null) return;
  process.setgroups?.([]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
}
