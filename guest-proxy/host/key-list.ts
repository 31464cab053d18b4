// The authority's list of keys as it stands beside this host's certificates, read again every few seconds: which clients are revoked, and
// what this host tells clients of other hosts. Words only grow newer while dom0 runs; what is not signed by the authority is left out.
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../domain/errors.js';
import { newestWords, type SignedKey, SignedKeys } from '../../domain/model/keys.js';
import { readTextIfThere } from '../../os/durable-file.js';
import type { Logger } from '../logger.js';
import { isSignedBy } from '../protocol/signed-keys.js';

const LOOK_EVERY_MS = 5_000;

export class KeyList {
  readonly #pkiDir: string | null;
  readonly #logger: Logger;
  #words: readonly SignedKey[] = [];
  #text: string | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `pkiDir`: null where a host has no such folder (tests); then nothing is known. */
  constructor(pkiDir: string | null, logger: Logger) {
    this.#pkiDir = pkiDir;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** What the authority has last said of a key. */
  find(key: string): SignedKey | null {
    return this.#words.find((w) => w.key === key) ?? null;
  }

  isRevoked(key: string): boolean {
    return this.find(key)?.revoked === true;
  }

  /** The hosts that clients must not believe any more. */
  revokedHosts(): readonly SignedKey[] {
    return this.#words.filter((w) => w.kind === 'host' && w.revoked);
  }

  /** Read the list; what cannot be read changes nothing. */
  async look(): Promise<void> {
    if (this.#pkiDir === null) return;
    try {
      const [text, ca] = await Promise.all(
        ['cloud-keys.json', 'ca-cert.pem'].map((name) => readTextIfThere(join(this.#pkiDir ?? '', name))),
      );
      if (text === null || text === undefined || ca === null || ca === undefined || text === this.#text)
        return;
      this.#text = text;
      const authority = new X509Certificate(ca).publicKey
        .export({ type: 'spki', format: 'der' })
        .toString('base64');
      const read = SignedKeys.parse(JSON.parse(text)).keys;
      const signed = read.filter((entry) => isSignedBy(authority, entry));
      this.#words = newestWords([...this.#words, ...signed]);
      const refused = read.length - signed.length;
      if (refused > 0) this.#logger.warn({ refused }, 'keys that the authority has not signed');
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'the list of keys cannot be read; the one before holds');
    }
  }
}
