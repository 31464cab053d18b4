// This host's certificates as they stand in its folder: read again every few seconds, so that renewed ones and a newer list of revoked
// ones are taken up without a restart. A pair that does not fit together (it is being copied) is left until it does.
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { CERTIFICATE_WARNING_DAYS } from '../../domain/model/keys.js';
import { readTextIfThere } from '../../os/durable-file.js';
import { hostPkiFiles } from './pki.js';
import { parseRevocations, type Revocations } from './revocations.js';

const LOOK_EVERY_MS = 5_000;
const DAY_MS = 86_400_000;

export interface CertificateLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export type TlsFiles = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'crl'>;

interface Loaded {
  readonly server: TlsFiles;
  readonly client: TlsFiles;
  readonly revocations: Revocations | null;
  readonly validToMs: number;
  /** What was read, to see changes. */
  readonly text: string;
}

export class HostCertificate {
  readonly #pkiDir: string;
  readonly #log: CertificateLog;
  readonly #listeners: (() => void)[] = [];
  #loaded: Loaded;
  #timer: NodeJS.Timeout | null = null;
  #warnAtMs = 0;
  #problem: string | null = null;

  private constructor(pkiDir: string, loaded: Loaded, log: CertificateLog) {
    this.#pkiDir = pkiDir;
    this.#loaded = loaded;
    this.#log = log;
  }

  /** Read the folder and watch it until `close`; CONFIG_INVALID where certificate and key do not fit. */
  static async open(pkiDir: string, log: CertificateLog): Promise<HostCertificate> {
    const opened = new HostCertificate(pkiDir, await load(pkiDir), log);
    opened.#warn();
    opened.#timer = setInterval(() => void opened.look(), LOOK_EVERY_MS);
    opened.#timer.unref();
    return opened;
  }

  /** For the port that peers connect to. */
  get server(): TlsFiles {
    return this.#loaded.server;
  }

  /** For connections to peers. */
  get client(): TlsFiles {
    return this.#loaded.client;
  }

  /** Whole days until the first of this host's certificates ends. */
  daysLeft(nowMs = Date.now()): number {
    return Math.floor((this.#loaded.validToMs - nowMs) / DAY_MS);
  }

  /** Tell whether the authority has revoked the certificate with this serial number (hex). */
  isRevoked(serial: string): boolean {
    return this.#loaded.revocations?.serials.has(normal(serial)) === true;
  }

  /** Call `listener` when other certificates, or another list, are in force. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Look for new files now; tell whether there were any. What cannot be used is said once, and what was in force stays. */
  async look(): Promise<boolean> {
    this.#warn();
    try {
      const next = await load(this.#pkiDir);
      if (next.text === this.#loaded.text) {
        this.#problem = null;
        return false;
      }
      const { revocations } = this.#loaded;
      if (revocations !== null && (next.revocations?.issuedAtMs ?? 0) < revocations.issuedAtMs)
        throw new VmshadowError(
          'CONFIG_INVALID',
          `${hostPkiFiles(this.#pkiDir).crl} is older than the list in force, or is gone: copy the authority's newest`,
        );
      this.#loaded = next;
      this.#problem = null;
      this.#log.info({ daysLeft: this.daysLeft() }, 'new certificates or revocations are in force');
      for (const listener of this.#listeners) listener();
      return true;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) this.#log.warn({ error: problem }, 'the old certificates stay in force');
      this.#problem = problem;
      return false;
    }
  }

  #warn(): void {
    const nowMs = Date.now();
    const daysLeft = this.daysLeft(nowMs);
    if (daysLeft >= CERTIFICATE_WARNING_DAYS || Math.abs(nowMs - this.#warnAtMs) < DAY_MS) return;
    this.#warnAtMs = nowMs;
    this.#log.warn({ daysLeft }, "this host's certificate ends soon: run `vmshadow keys renew SITE/HOST`");
  }
}

const normal = (serial: string): string => serial.toLowerCase().replace(/^0+/, '');

async function load(pkiDir: string): Promise<Loaded> {
  const files = hostPkiFiles(pkiDir);
  const [ca, serverCert, serverKey, clientCert, clientKey] = await Promise.all(
    [files.ca, files.serverCert, files.serverKey, files.clientCert, files.clientKey].map((f) =>
      readFile(f, 'utf8'),
    ),
  );
  const crl = await readTextIfThere(files.crl);
  const revoking = crl === null ? {} : { crl };
  const server: TlsFiles = { ca, cert: serverCert, key: serverKey, ...revoking };
  const client: TlsFiles = { ca, cert: clientCert, key: clientKey, ...revoking };
  try {
    createSecureContext(server);
    createSecureContext(client);
    const ends = [serverCert, clientCert].map((pem) => Date.parse(new X509Certificate(pem ?? '').validTo));
    return {
      server,
      client,
      revocations: crl === null ? null : await parseRevocations(crl, ca ?? ''),
      validToMs: Math.min(...ends),
      text: [ca, serverCert, serverKey, clientCert, clientKey, crl].join('\n'),
    };
  } catch (cause) {
    const { mtime } = await stat(files.serverCert);
    throw new VmshadowError(
      'CONFIG_INVALID',
      `the certificates in ${pkiDir} (of ${mtime.toISOString()}) cannot be used: ${messageOf(cause)}. Run \`vmshadow keys renew SITE/HOST\` where the authority is, and copy all *.pem again`,
      { cause },
    );
  }
}
