// Keeps the host itself from answering for its desktops' addresses. Normally its rules send every packet for such an address on to the guest;
// in the moment after somebody has flushed them the host would answer: with RST, which ends users' connections, or with its own services.
// The guard is a table that no other program's flush removes: it belongs to a running `nft` (NFT_TABLE_F_OWNER, Linux 5.12) and ends with it.
import type { Logger } from '../../logger.js';
import { PROOF_MARK } from '../../rules/host-rules.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';

const TABLE = 'vmshadow_guard';
const AGAIN_MS = 1_000;

/** The whole guard as one line a command: of what leaves the host by itself from these addresses only UDP, the control channel, and answers to proofs may. */
function commands(addresses: readonly string[]): string {
  const elements =
    addresses.length === 0 ? [] : [`add element ip ${TABLE} addresses { ${addresses.join(', ')} }`];
  return [
    `add table ip ${TABLE} { flags owner; }`,
    `add set ip ${TABLE} addresses { type ipv4_addr; }`,
    `add chain ip ${TABLE} output { type filter hook output priority 0; policy accept; }`,
    `flush chain ip ${TABLE} output`,
    `add rule ip ${TABLE} output meta mark & 0x${PROOF_MARK.toString(16)} != 0x0 accept`,
    `add rule ip ${TABLE} output ip saddr @addresses meta l4proto != udp counter drop`,
    `flush set ip ${TABLE} addresses`,
    ...elements,
    '',
  ].join('\n');
}

export class AnswerGuard {
  readonly #logger: Logger;
  #nft: StartedCommand | null = null;
  #again: NodeJS.Timeout | null = null;
  #addresses: readonly string[] = [];
  #stopped = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  start(): void {
    const nft = startCommand(['setpriv', '--pdeathsig', 'KILL', 'nft', '-i'], {
      stdin: 'pipe',
      stdout: 'ignore',
    });
    this.#nft = nft;
    nft.stdin.on('error', () => undefined);
    nft.stderr.on('data', (said: Buffer) =>
      this.#logger.warn(
        { said: String(said).slice(0, 300) },
        'no guard against answers of this host for its desktops’ addresses: nft refuses it',
      ),
    );
    void nft.ended.then(() => {
      if (!this.#stopped) this.#again = setTimeout(() => this.start(), AGAIN_MS);
    });
    this.#write();
  }

  /** Guard exactly these addresses from now on. */
  set(addresses: readonly string[]): void {
    const next = [...addresses].sort();
    if (next.join() === this.#addresses.join()) return;
    this.#addresses = next;
    this.#write();
  }

  #write(): void {
    if (this.#nft?.end === null) this.#nft.stdin.write(commands(this.#addresses));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#again !== null) clearTimeout(this.#again);
    this.#nft?.kill();
    await this.#nft?.ended;
  }
}
