// One small X.509 PKI of a cloud (ECDSA P-256): the authority and one pair of certificates a host. The same files serve QEMU's
// tls-creds-x509 (disk and memory streams; hence their names) and node:tls (dom0 to dom0). A host is known by its common name
// `site/host`; streams check the peer's address against subjectAltName. Private keys are readable by root only.
import 'reflect-metadata';
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { Ipv4 } from '../../domain/model/address.js';
import { HostId, SiteId, hostKey, type HostRef } from '../../domain/model/ids.js';
import { newestWords, signedText } from '../../domain/model/keys.js';
import { parseInput } from '../../domain/model/parse.js';
import { makeFolderDurably, readTextIfThere, writeDurably } from '../../os/durable-file.js';
import { withFolderLocked } from '../../os/folder-lock.js';
import { RecordFile } from '../../os/record-file.js';
import { KEY_LIST, keyListFile } from './authority-lists.js';
import { parseRevocations, signRevocations } from './revocations.js';

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Ten years: renewing the authority means giving every host new files. */
const AUTHORITY_DAYS = 3650;
/** A year: a host is renewed by issuing again. dom0 and QEMU's streams of later moves take up the new files without a restart. */
const HOST_DAYS = 365;
/** Hosts whose clock is somewhat behind accept a fresh certificate. */
const CLOCK_SKEW_MS = 10 * 60_000;

const HostRequest = z.object({ site: SiteId, host: HostId, addresses: z.array(Ipv4).min(1) });
/** Who gets a certificate, and all addresses at which it serves its peers. */
export type HostRequest = z.input<typeof HostRequest>;

interface KeyWord {
  readonly kind: 'host' | 'client';
  readonly key: string;
  readonly revoked: boolean;
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** Paths of a host's files: what QEMU's tls-creds-x509 and node:tls want. */
export interface HostPkiFiles {
  readonly dir: string;
  readonly ca: string;
  /** The authority's list of revoked certificates; there is none before the first revocation. */
  readonly crl: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Name the files of a host's PKI folder. */
export function hostPkiFiles(dir: string): HostPkiFiles {
  return {
    dir,
    ca: join(dir, 'ca-cert.pem'),
    crl: join(dir, 'ca-crl.pem'),
    serverCert: join(dir, 'server-cert.pem'),
    serverKey: join(dir, 'server-key.pem'),
    clientCert: join(dir, 'client-cert.pem'),
    clientKey: join(dir, 'client-key.pem'),
  };
}

/** The name of a host in subjectAltName, for clients that know a host but not its address: `h1.us-west.vmshadow`. */
export function tlsName(ref: HostRef): string {
  return `${ref.host}.${ref.site}.vmshadow`;
}

/** The name in a host's certificates, as QEMU's authorization objects compare it (RFC 4514). */
export function distinguishedName(ref: HostRef): string {
  return `CN=${hostKey(ref)}`;
}

/** Make the cloud's authority in `dir` (`ca-cert.pem`, `ca-key.pem`); one that is already there is kept. */
export async function createAuthority(dir: string, now = new Date()): Promise<void> {
  await makeFolderDurably(dir);
  await withFolderLocked(dir, () => makeAuthority(dir, now));
}

async function makeAuthority(dir: string, now: Date): Promise<void> {
  if (
    (await readTextIfThere(join(dir, 'ca-key.pem'))) !== null &&
    (await readTextIfThere(join(dir, 'ca-cert.pem'))) !== null
  )
    return;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=VMShadow authority',
    keys,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeKey(join(dir, 'ca-key.pem'), keys.privateKey);
  await writeDurably(join(dir, 'ca-cert.pem'), `${certificate.toString('pem')}\n`, 0o644);
}

/**
 * Issue a host's certificates from the authority in `authorityDir` into `outDir` (default `<authorityDir>/hosts/<site>/<host>`), which
 * is what the operator copies to that host. Issuing again renews. Throws PREREQUISITE where there is no authority.
 */
export async function issueHost(
  authorityDir: string,
  input: HostRequest,
  outDir?: string,
  now = new Date(),
): Promise<HostPkiFiles> {
  const request = parseInput(HostRequest, input, 'a certificate request');
  return changing(authorityDir, (authority) => issue(authority, authorityDir, request, outDir, now));
}

async function issue(
  authority: Authority,
  authorityDir: string,
  request: z.output<typeof HostRequest>,
  outDir: string | undefined,
  now: Date,
): Promise<HostPkiFiles> {
  const files = hostPkiFiles(outDir ?? join(authorityDir, 'hosts', request.site, request.host));
  await makeFolderDurably(files.dir);
  const pairs = [];
  for (const role of ['server', 'client'] as const) {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [hostKey(request)] }],
      issuer: authority.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: authority.key,
      notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
      notAfter: new Date(now.getTime() + HOST_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      extensions: await hostExtensions(request, role, keys.publicKey, authority.certificate),
    });
    pairs.push({ role, keys, certificate });
  }
  // Before any file is there: what a crash lets out of the record could not be revoked later.
  await noteIssued(
    authorityDir,
    hostKey(request),
    pairs.map((p) => p.certificate.serialNumber),
  );
  for (const { role, keys, certificate } of pairs) {
    await writeKey(role === 'server' ? files.serverKey : files.clientKey, keys.privateKey);
    await writeDurably(
      role === 'server' ? files.serverCert : files.clientCert,
      `${certificate.toString('pem')}\n`,
      0o644,
    );
  }
  await writeDurably(files.ca, `${authority.certificate.toString('pem')}\n`, 0o644);
  const crl = await readTextIfThere(hostPkiFiles(authorityDir).crl);
  if (crl !== null) await writeDurably(files.crl, crl, 0o644);
  return files;
}

const Issued = z.record(z.string(), z.array(z.string()));

/** What the authority has issued, by host: revoking a host revokes all of it, also what was renewed since. */
const issuedFile = (authorityDir: string) =>
  new RecordFile(join(authorityDir, 'issued.json'), Issued, 'list of issued certificates');

async function issued(authorityDir: string): Promise<z.output<typeof Issued>> {
  return (await issuedFile(authorityDir).get()) ?? {};
}

async function noteIssued(authorityDir: string, name: string, serials: readonly string[]): Promise<void> {
  const before = await issued(authorityDir);
  await issuedFile(authorityDir).put({ ...before, [name]: [...(before[name] ?? []), ...serials] });
}

/**
 * Revoke every certificate that the authority has issued to a host, and write the new list (`ca-crl.pem`) beside the authority and into the
 * folder of each host. Give the paths, to be copied to the hosts. Throws PREREQUISITE where nothing was issued to it.
 */
export function revokeHost(authorityDir: string, ref: HostRef, now = new Date()): Promise<string[]> {
  return changing(authorityDir, (authority) => revoke(authority, authorityDir, ref, now));
}

async function revoke(
  authority: Authority,
  authorityDir: string,
  ref: HostRef,
  now: Date,
): Promise<string[]> {
  const name = hostKey(ref);
  const all = await issued(authorityDir);
  const serials = new Set(all[name] ?? []);
  const folderOf = (host: string) => join(authorityDir, 'hosts', ...host.split('/'));
  // Certificates of before the record of what was issued.
  for (const file of ['server-cert.pem', 'client-cert.pem']) {
    const pem = await readTextIfThere(join(folderOf(name), file));
    if (pem !== null) serials.add(new x509.X509Certificate(pem).serialNumber);
  }
  if (serials.size === 0)
    throw new VmshadowError('PREREQUISITE', `${authorityDir} has issued nothing to ${name}`);
  const own = hostPkiFiles(authorityDir).crl;
  const before = await readTextIfThere(own);
  const listed =
    before === null ? null : await parseRevocations(before, authority.certificate.toString('pem'));
  // X.509 counts whole seconds; a list never has the time of an earlier one.
  const issuedAt = new Date(Math.max(now.getTime(), (listed?.issuedAtMs ?? 0) + 1_000));
  const pem = await signRevocations(authority, new Set([...(listed?.serials ?? []), ...serials]), issuedAt);
  const files = [own];
  for (const host of Object.keys(all)) {
    const { ca, crl } = hostPkiFiles(folderOf(host));
    if ((await readTextIfThere(ca)) !== null) files.push(crl);
  }
  for (const file of files) await writeDurably(file, pem, 0o644);
  return files.slice(1);
}

/**
 * Sign what the authority says of the key of a host or a client, and write the list (`cloud-keys.json`) beside the authority and into the
 * folder of each host. Says nothing new where the same was said already.
 */
export function signKey(authorityDir: string, word: KeyWord): Promise<string[]> {
  return changing(authorityDir, (authority) => sign(authority, authorityDir, word));
}

async function sign(authority: Authority, authorityDir: string, word: KeyWord): Promise<string[]> {
  const own = join(authorityDir, KEY_LIST);
  const before = (await keyListFile(authorityDir).get())?.keys ?? [];
  const known = before.find((entry) => entry.key === word.key);
  const serial = Math.max(0, ...before.map((entry) => entry.serial)) + 1;
  const said = known?.revoked === word.revoked;
  const bytes = Buffer.from(signedText({ ...word, serial }));
  const signature = Buffer.from(await webcrypto.subtle.sign(ALGORITHM, authority.key, bytes)).toString(
    'base64',
  );
  const keys = said ? before : newestWords([...before, { ...word, serial, signature }]);
  const list = `${JSON.stringify({ version: 1, keys }, null, 2)}\n`;
  const files = [own];
  for (const host of Object.keys(await issued(authorityDir))) {
    const folder = join(authorityDir, 'hosts', ...host.split('/'));
    if ((await readTextIfThere(hostPkiFiles(folder).ca)) !== null) files.push(join(folder, KEY_LIST));
  }
  for (const file of files) await writeDurably(file, list, 0o644);
  return files.slice(1);
}

/** The public key of the authority in `authorityDir`, SPKI, DER in base64; null where there is none. */
export async function authorityKey(authorityDir: string): Promise<string | null> {
  const pem = await readTextIfThere(join(authorityDir, 'ca-cert.pem'));
  return pem === null
    ? null
    : Buffer.from(new x509.X509Certificate(pem).publicKey.rawData).toString('base64');
}

async function hostExtensions(
  request: z.output<typeof HostRequest>,
  role: 'server' | 'client',
  publicKey: webcrypto.CryptoKey,
  issuer: x509.X509Certificate,
): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    // QEMU 10 asks for keyEncipherment of any end certificate, although ECDSA has no use for it.
    new x509.KeyUsagesExtension(
      x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
      true,
    ),
    new x509.ExtendedKeyUsageExtension([
      role === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
    ]),
    new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: tlsName(request) },
      ...request.addresses.map((value) => ({ type: 'ip' as const, value })),
    ]),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ];
}

/** Do what changes the authority's records: one at a time, whoever runs commands on its folder. */
async function changing<T>(dir: string, work: (authority: Authority) => Promise<T>): Promise<T> {
  const authority = await loadAuthority(dir);
  return withFolderLocked(dir, () => work(authority));
}

async function loadAuthority(dir: string): Promise<Authority> {
  const [certificate, key] = [
    await readTextIfThere(join(dir, 'ca-cert.pem')),
    await readTextIfThere(join(dir, 'ca-key.pem')),
  ];
  if (certificate === null || key === null)
    throw new VmshadowError(
      'PREREQUISITE',
      `no authority in ${dir}: expected ca-cert.pem and ca-key.pem; create it first or name the folder where it is`,
    );
  if (!fits(certificate, key))
    throw new VmshadowError(
      'PREREQUISITE',
      `ca-cert.pem and ca-key.pem in ${dir} are not of one pair: restore both from one backup`,
    );
  return {
    certificate: new x509.X509Certificate(certificate),
    key: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(key), ALGORITHM, false, [
      'sign',
    ]),
  };
}

/**
 * Name the pairs in a host's folder whose key is not the certificate's (a crash came between the two, or only one was copied): `server`,
 * `client`. One that cannot be read does not fit either; one that is not there is no fault (keys may be kept on the host alone).
 */
export async function tornPairs(dir: string): Promise<string[]> {
  const files = hostPkiFiles(dir);
  const torn: string[] = [];
  for (const [name, certFile, keyFile] of [
    ['server', files.serverCert, files.serverKey],
    ['client', files.clientCert, files.clientKey],
  ] as const) {
    const [certificate, key] = [await readTextIfThere(certFile), await readTextIfThere(keyFile)];
    if (certificate !== null && key !== null && !fits(certificate, key)) torn.push(name);
  }
  return torn;
}

function fits(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeDurably(path, `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`, 0o600);
}
