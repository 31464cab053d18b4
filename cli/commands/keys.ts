// `vmshadow keys`: the cloud's authority and what it issues. The authority's folder stays with the operator; a host gets only its own part:
//   DIR/ca-cert.pem, DIR/ca-key.pem          the authority
//   DIR/hosts/SITE/HOST/*.pem, identity.json what is copied to that host (pkiDir and identityFile of its dom0.yaml)
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode, VmshadowError } from '../../domain/errors.js';
import { Ipv4 } from '../../domain/model/address.js';
import { CERTIFICATE_WARNING_DAYS, PublicKey } from '../../domain/model/keys.js';
import { parseArguments } from '../arguments.js';
import { IDENTITY_FILE } from '../enrollment-files.js';
import type { CliContext } from '../context.js';
import { hostArgument } from '../place-argument.js';
import { renderTable } from '../render/table.js';

const DAY_MS = 86_400_000;

const common = { dir: z.string().min(1).default('keys'), json: z.boolean().default(false) };

const Init = z.object(common);

/** Run `vmshadow keys init`. */
export async function initCommand(context: CliContext, raw: unknown): Promise<void> {
  const { dir, json } = parseArguments(Init, raw, 'keys init');
  const { createAuthority } = await import('../../drivers/peers/pki.js');
  await createAuthority(dir);
  const authority = join(dir, 'ca-cert.pem');
  context.out(
    json
      ? JSON.stringify({ dir, authority }, null, 2)
      : `The authority is in ${dir}. Keep ${join(dir, 'ca-key.pem')} to yourself; next: vmshadow keys issue SITE/HOST --dir ${dir} --address IP`,
  );
}

const Issue = z.object({
  ...common,
  host: hostArgument,
  address: z.array(Ipv4).min(1),
  out: z.string().min(1).optional(),
});

/** Run `vmshadow keys issue SITE/HOST`. Again: the certificate is renewed, the identity stays (clients know it). */
export async function issueCommand(context: CliContext, raw: unknown): Promise<void> {
  const { dir, json, host, address, out } = parseArguments(Issue, raw, 'keys issue', ['host']);
  const { issueHost, signKey } = await import('../../drivers/peers/pki.js');
  const files = await issueHost(dir, { ...host, addresses: address }, out);
  const identityFile = join(files.dir, IDENTITY_FILE);
  const publicKey = await hostIdentity(identityFile);
  // Clients that are enrolled already learn of the host by this.
  await signKey(dir, { kind: 'host', key: publicKey, revoked: false });
  const answer = { ...host, pkiDir: files.dir, identityFile, publicKey };
  context.out(
    json
      ? JSON.stringify(answer, null, 2)
      : [
          `Certificate and identity of ${host.site}/${host.host} are in ${files.dir}.`,
          `Copy the folder to the host and name it in its dom0.yaml (pkiDir, identityFile).`,
          `public key  ${publicKey}`,
        ].join('\n'),
  );
}

const Renew = z.object({ ...common, host: hostArgument, address: z.array(Ipv4).optional() });

/** Run `vmshadow keys renew SITE/HOST`: new certificates for the addresses that the old ones name; the identity stays. */
export async function renewCommand(context: CliContext, raw: unknown): Promise<void> {
  const { dir, json, host, address } = parseArguments(Renew, raw, 'keys renew', ['host']);
  const { issueHost } = await import('../../drivers/peers/pki.js');
  const folder = join(dir, 'hosts', host.site, host.host);
  const old = await certificateInfo(join(folder, 'server-cert.pem'), null);
  if (old === null)
    throw new VmshadowError(
      'PREREQUISITE',
      `${folder} holds no certificate of ${host.site}/${host.host}. Issue one with \`vmshadow keys issue\`, or name the authority's folder with --dir.`,
    );
  // Where its lists are damaged, nothing is changed before they are mended.
  const { readRevoked } = await import('../../drivers/peers/authority-lists.js');
  await readRevoked(dir);
  const files = await issueHost(dir, { ...host, addresses: address ?? old.addresses.split(' ') });
  const fresh = await certificateInfo(files.serverCert, null);
  const validTo = fresh?.validTo ?? '';
  context.out(
    json
      ? JSON.stringify({ ...host, pkiDir: files.dir, validTo }, null, 2)
      : `New certificates of ${host.site}/${host.host}, valid until ${validTo.slice(0, 10)}, are in ${files.dir}. Copy the *.pem to the host: dom0 takes them up within seconds.`,
  );
}

const Revoke = z
  .object({ ...common, host: hostArgument.optional(), client: PublicKey.optional() })
  .refine((o) => (o.host === undefined) !== (o.client === undefined), 'expected SITE/HOST or --client KEY');

/** Run `vmshadow keys revoke SITE/HOST`: nothing that was issued to the host counts any more once the list is at the others. */
export async function revokeCommand(context: CliContext, raw: unknown): Promise<void> {
  const { dir, json, host, client } = parseArguments(Revoke, raw, 'keys revoke', ['host']);
  const { revokeHost, signKey } = await import('../../drivers/peers/pki.js');
  const files = host === undefined ? [] : await revokeHost(dir, host);
  const key =
    client ??
    (host === undefined ? null : await publicKeyIn(join(dir, 'hosts', host.site, host.host, IDENTITY_FILE)));
  const kind = client === undefined ? 'host' : 'client';
  if (key !== null) files.push(...(await signKey(dir, { kind, key, revoked: true })));
  const name = host === undefined ? `The client ${client ?? ''}` : `${host.site}/${host.host}`;
  context.out(
    json
      ? JSON.stringify({ ...host, client, files }, null, 2)
      : [
          `${name} is revoked. Copy these to each host's pkiDir: dom0 takes them up within seconds.`,
          ...files,
        ].join('\n'),
  );
}

async function hostIdentity(file: string): Promise<string> {
  const { createIdentity, loadIdentity } = await import('../../guest-proxy/protocol/identity.js');
  try {
    return await createIdentity(file);
  } catch (error) {
    if (!hasCode(error, 'ALREADY_EXISTS')) throw error;
    return (await loadIdentity(file)).publicKey;
  }
}

interface CertificateInfo {
  readonly name: string;
  readonly serial: string;
  readonly validTo: string;
  /** Whole days until then; negative when it is over. */
  readonly daysLeft: number;
  readonly addresses: string;
  readonly publicKey: string | null;
}

interface HostInfo extends CertificateInfo {
  /** The authority has revoked the certificate or the identity. */
  readonly revoked: boolean;
  /** Of `server` and `client`: where the key in the folder is not the certificate's. */
  readonly tornPairs: readonly string[];
}

/** Run `vmshadow keys show`. */
export async function showCommand(context: CliContext, raw: unknown): Promise<void> {
  const { dir, json } = parseArguments(Init, raw, 'keys show');
  const authority = await certificateInfo(join(dir, 'ca-cert.pem'), null);
  if (authority === null)
    throw new VmshadowError(
      'PREREQUISITE',
      `there is no authority in ${dir}. Make one with \`vmshadow keys init --dir ${dir}\`, or name its folder with --dir.`,
    );
  const { tornPairs } = await import('../../drivers/peers/pki.js');
  const { readRevoked } = await import('../../drivers/peers/authority-lists.js');
  const revoked = await readRevoked(dir);
  const hosts: HostInfo[] = [];
  for (const site of await folders(join(dir, 'hosts')))
    for (const host of await folders(join(dir, 'hosts', site))) {
      const folder = join(dir, 'hosts', site, host);
      const found = await certificateInfo(join(folder, 'server-cert.pem'), join(folder, IDENTITY_FILE));
      if (found !== null)
        hosts.push({
          ...found,
          revoked: revoked(found.serial, found.publicKey),
          tornPairs: await tornPairs(folder),
        });
    }
  context.out(json ? JSON.stringify({ dir, authority, hosts }, null, 2) : renderKeys(dir, authority, hosts));
}

function renderKeys(dir: string, authority: CertificateInfo, hosts: readonly HostInfo[]): string {
  const rows = hosts.map((h) => [
    h.name,
    h.revoked ? 'REVOKED' : h.daysLeft < 0 ? 'ended' : 'valid',
    h.addresses,
    h.validTo.slice(0, 10),
    String(h.daysLeft),
    h.publicKey ?? '-',
  ]);
  const counting = hosts.filter((h) => !h.revoked);
  const ending = [authority, ...counting].filter((c) => c.daysLeft < CERTIFICATE_WARNING_DAYS);
  return [
    ...ending.map(
      (c) => `WARNING  the certificate of ${c.name} ends in ${String(c.daysLeft)} days: renew it`,
    ),
    ...counting
      .filter((h) => h.tornPairs.length > 0)
      .map(
        (h) =>
          `WARNING  key and certificate (${h.tornPairs.join(', ')}) of ${h.name} do not fit: run \`vmshadow keys renew ${h.name}\` and copy all *.pem`,
      ),
    `AUTHORITY ${dir}, valid until ${authority.validTo.slice(0, 10)}, days left ${String(authority.daysLeft)}`,
    hosts.length === 0
      ? 'HOSTS  none yet'
      : renderTable(
          [
            { head: 'host' },
            { head: 'state' },
            { head: 'addresses' },
            { head: 'valid until' },
            { head: 'days left' },
            { head: 'public key' },
          ],
          rows,
        ),
  ].join('\n\n');
}

async function certificateInfo(file: string, identityFile: string | null): Promise<CertificateInfo | null> {
  const { X509Certificate } = await import('node:crypto');
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const certificate = new X509Certificate(pem);
  const names = certificate.subjectAltName ?? '';
  return {
    name: certificate.subject.replace(/^CN=/, ''),
    serial: certificate.serialNumber,
    validTo: new Date(certificate.validTo).toISOString(),
    daysLeft: Math.floor((Date.parse(certificate.validTo) - Date.now()) / DAY_MS),
    addresses: [...names.matchAll(/IP Address:([0-9.]+)/g)].map((m) => m[1]).join(' '),
    publicKey: identityFile === null ? null : await publicKeyIn(identityFile),
  };
}

async function publicKeyIn(file: string): Promise<string | null> {
  const { loadIdentity } = await import('../../guest-proxy/protocol/identity.js');
  try {
    return (await loadIdentity(file)).publicKey;
  } catch (error) {
    if (hasCode(error, 'CONFIG_INVALID')) return null;
    throw error;
  }
}

async function folders(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter((e) => e.isDirectory())
      .map((e) => e.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
