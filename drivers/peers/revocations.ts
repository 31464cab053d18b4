// The authority's list of revoked certificates (X.509 CRL): node:tls and QEMU (as `ca-crl.pem` beside the certificates) read the same file.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { VmshadowError } from '../../domain/errors.js';

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

export interface Revocations {
  /** A list that was issued earlier never replaces one that was issued later. */
  readonly issuedAtMs: number;
  /** Hex, lower case, without leading zeros. */
  readonly serials: ReadonlySet<string>;
}

/** One way to write a serial number: hex, lower case, without leading zeros. */
export function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+/, '');
}

/** Sign a list that revokes `serials` (hex) and holds until the authority itself ends; PEM. */
export async function signRevocations(
  authority: { certificate: x509.X509Certificate; key: webcrypto.CryptoKey },
  serials: Iterable<string>,
  issuedAt: Date,
): Promise<string> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: authority.certificate.subject,
    thisUpdate: issuedAt,
    nextUpdate: authority.certificate.notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    signingKey: authority.key,
    // The same number with and without its zeros would be there twice, which the library refuses.
    entries: [...new Set([...serials].map(plainSerial))].map((serial) => ({
      serialNumber: serial.padStart(serial.length + (serial.length % 2), '0'),
      revocationDate: issuedAt,
      // Without one the library writes an empty list of extensions, which X.509 forbids.
      reason: x509.X509CrlReason.keyCompromise,
    })),
  });
  // The label that OpenSSL and GnuTLS want; the library's own is another.
  return `${x509.PemConverter.encode(crl.rawData, 'X509 CRL')}\n`;
}

/** Read a list and check that the authority whose certificate is given has signed it; CONFIG_INVALID otherwise. */
export async function parseRevocations(pem: string, authorityPem: string): Promise<Revocations> {
  const crl = new x509.X509Crl(pem);
  const authority = new x509.X509Certificate(authorityPem);
  if (!(await crl.verify({ publicKey: authority.publicKey })))
    throw new VmshadowError(
      'CONFIG_INVALID',
      'the list of revoked certificates is not signed by the authority',
    );
  return {
    issuedAtMs: crl.thisUpdate.getTime(),
    serials: new Set(crl.entries.map((e) => plainSerial(e.serialNumber))),
  };
}
