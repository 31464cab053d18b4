// One small X.509 PKI of a cloud (ECDSA P-256): the authority and one pair of certificates a host. The same files serve QEMU's
// tls-creds-x509 (disk and memory streams; hence their names) and node:tls (dom0 to dom0). A host is known by its common name
// `site/host`; streams check the peer's address against subjectAltName. Private keys are readable by root only.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { Ipv4 } from '../../domain/model/address.js';
import { HostId, SiteId, hostKey, type HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { makeFolderDurably, readTextIfThere, writeDurably } from '../../os/durable-file.js';

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Ten years: renewing the authority means giving every host new files. */
const AUTHORITY_DAYS = 3650;
/** A year: a host is renewed by issuing again; running copies of QEMU keep the files they began with. */
const HOST_DAYS = 365;
/** Hosts whose clock is somewhat behind accept a fresh certificate. */
const CLOCK_SKEW_MS = 10 * 60_000;

const HostRequest = z.object({ site: SiteId, host: HostId, addresses: z.array(Ipv4).min(1) });
/** Who gets a certificate, and all addresses at which it serves its peers. */
export type HostRequest = z.input<typeof HostRequest>;

/** Paths of a host's files: what QEMU's tls-creds-x509 and node:tls want. */
export interface HostPkiFiles {
  readonly dir: string;
  readonly ca: string;
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

/** Make the cloud's authority in `dir` (`ca-cert.pem`, `ca-key.pem`); one that is already there is kept. */
export async function createAuthority(dir: string, now = new Date()): Promise<void> {
  await makeFolderDurably(dir);
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
  const authority = await loadAuthority(authorityDir);
  const files = hostPkiFiles(outDir ?? join(authorityDir, 'hosts', request.site, request.host));
  await makeFolderDurably(files.dir);
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
    await writeKey(role === 'server' ? files.serverKey : files.clientKey, keys.privateKey);
    await writeDurably(
      role === 'server' ? files.serverCert : files.clientCert,
      `${certificate.toString('pem')}\n`,
      0o644,
    );
  }
  await writeDurably(files.ca, `${authority.certificate.toString('pem')}\n`, 0o644);
  return files;
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

async function loadAuthority(
  dir: string,
): Promise<{ certificate: x509.X509Certificate; key: webcrypto.CryptoKey }> {
  const [certificate, key] = [
    await readTextIfThere(join(dir, 'ca-cert.pem')),
    await readTextIfThere(join(dir, 'ca-key.pem')),
  ];
  if (certificate === null || key === null)
    throw new VmshadowError(
      'PREREQUISITE',
      `no authority in ${dir}: expected ca-cert.pem and ca-key.pem; create it first or name the folder where it is`,
    );
  return {
    certificate: new x509.X509Certificate(certificate),
    key: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(key), ALGORITHM, false, [
      'sign',
    ]),
  };
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeDurably(path, `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`, 0o600);
}
