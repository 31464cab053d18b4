// Makes the file that a thin client's proxy needs: a new identity, the public keys of all hosts of the cloud (from the authority's folder),
// where the round trips are measured (from vmshadow.yaml), and the desktop's present address.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import type { z } from 'zod';
import { VmshadowError } from '../domain/errors.js';
import { CloudConfig } from '../domain/model/cloud.js';
import { findIdentity } from '../guest-proxy/protocol/identity.js';
import { type ClientConfig, makeClientConfig } from '../guest-proxy/protocol/client-config.js';
import { writeDurably } from '../os/durable-file.js';
import { loadConfig } from './config-file.js';
import { IDENTITY_FILE } from './enrollment-files.js';

export interface EnrollmentSources {
  /** Folder of the authority (`vmshadow keys init`). */
  readonly keysDir: string;
  /** vmshadow.yaml. */
  readonly cloudFile: string;
}

/** What does not depend on the desktop; read before anything is created. */
export interface CloudFacts {
  readonly authority: string | null;
  readonly hosts: readonly string[];
  readonly probes: readonly {
    site: string;
    endpoint: z.output<typeof CloudConfig>['sites'][number]['hosts'][number]['probe'];
  }[];
}

/** That are open. */
const FILES_AT_A_TIME = 32;

/** Read the hosts' public keys and probe addresses; PREREQUISITE where a host of the cloud has no identity yet. */
export async function readCloudFacts(sources: EnrollmentSources): Promise<CloudFacts> {
  const cloud = await loadConfig(sources.cloudFile, CloudConfig, "the cloud's configuration");
  const wanted = cloud.sites.flatMap((site) => site.hosts.map((host) => ({ site: site.id, host: host.id })));
  const keys = await pMap(
    wanted,
    ({ site, host }) => hostPublicKey(join(sources.keysDir, 'hosts', site, host)),
    { concurrency: FILES_AT_A_TIME },
  );
  const missing = wanted.filter((_, i) => keys[i] === null).map((h) => `${h.site}/${h.host}`);
  if (missing.length > 0)
    throw new VmshadowError(
      'PREREQUISITE',
      `no identity of ${missing.join(', ')} in ${sources.keysDir}: run \`vmshadow keys issue SITE/HOST --dir ${sources.keysDir} --address IP\` for each, or name the authority's folder.`,
      { details: { missing } },
    );
  const { authorityKey } = await import('../drivers/peers/pki.js');
  return {
    authority: await authorityKey(sources.keysDir),
    hosts: keys.filter((key) => key !== null),
    probes: cloud.sites.flatMap((site) =>
      site.hosts.slice(0, 1).map((h) => ({ site: site.id, endpoint: h.probe })),
    ),
  };
}

async function hostPublicKey(folder: string): Promise<string | null> {
  return (await findIdentity(join(folder, IDENTITY_FILE)))?.publicKey ?? null;
}

/** Make the configuration of a new client of a desktop that is (or will be) at `external`. */
export function newClient(desktop: string, external: string, facts: CloudFacts): ClientConfig {
  return makeClientConfig({
    desktop,
    external,
    issuedAtMs: Date.now(),
    hosts: facts.hosts,
    authority: facts.authority,
    probes: facts.probes,
  });
}

/** Write a client's file, mode 0600. Refuses to overwrite: the key in it may be enrolled and exists nowhere else. */
export async function writeClientFile(path: string, config: ClientConfig): Promise<void> {
  await assertFree(path);
  const { stringify } = await import('yaml');
  const head = `# vmshadow proxy --config ${path}\n# Holds the secret key of this thin client: do not pass it on.\n`;
  await writeDurably(path, head + stringify(config), 0o600);
}

/** Throw ALREADY_EXISTS when there is a file at `path`. */
export async function assertFree(path: string): Promise<void> {
  const there = await readFile(path).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code !== 'ENOENT',
  );
  if (there)
    throw new VmshadowError(
      'ALREADY_EXISTS',
      `${path} exists already: it may hold an enrolled key. Name another file with --out, or remove it first.`,
    );
}
