// The handoff of a desktop's connections as its hosts conduct it: clients are told of a change of address before the switchover, and of its end
// after it; RST guards stand until they have been heard.
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { AddressChange } from '../../ports/desktop-network.js';
import { parseInput } from '../../domain/model/parse.js';
import type { Logger } from '../logger.js';
import type { HostState } from './host-state.js';
import { AddressChangeRecord, type NetworkRecord } from './network-record.js';
import type { Users } from './old-site-relays.js';
import type { UserChannel } from './user-channel.js';
import { prepareMessage } from './what-to-tell.js';

/** RST guards stand until the clients have been heard; without them, this long. */
const GUARD_EXPECTING_MS = 600_000;
/** After all confirmed, late packets may still be answered wrongly by a NAT on the way: some round trips. */
const GUARD_AFTER_COMMIT_MS = 3_000;
const GUARD_AFTER_SILENCE_MS = 30_000;
const ABORT_TIMEOUT_MS = 1_500;
/** A client whose session this host has lost (it restarted) finds out by a keepalive: every 2 s while a move is prepared. */
const COMMIT_PATIENCE_MS = 4_000;

interface HandoffOptions {
  readonly state: HostState;
  readonly users: () => UserChannel | null;
  readonly publicKey: () => string;
  readonly now: () => number;
  readonly logger: Logger;
}

export class Handoff {
  readonly #options: HandoffOptions;

  constructor(options: HandoffOptions) {
    this.#options = options;
  }

  async prepare(change: AddressChange, timeoutMs: number): Promise<{ prepared: number; silent: number }> {
    const { record, checked } = this.#check(change, change.oldExternal);
    await this.#options.state.change(record.desktop, (r) => ({ ...r, outgoing: checked }));
    const limits = { timeoutMs, patienceMs: 0 };
    const message = prepareMessage(checked);
    const prepared =
      (await this.#options.users()?.ask(checked, checked.oldExternal, message, 'prepared', limits)) ?? 0;
    return { prepared, silent: record.clients.length - prepared };
  }

  async abort(change: AddressChange): Promise<void> {
    const record = this.#options.state.get(change.desktop);
    if (record.outgoing?.epoch === change.epoch)
      await this.#options.state.change(record.desktop, (r) => ({ ...r, outgoing: null }));
    const message = { kind: 'abort', desktop: change.desktop, epoch: change.epoch } as const;
    const limits = { timeoutMs: ABORT_TIMEOUT_MS, patienceMs: 0 };
    await this.#options.users()?.ask(change, change.oldExternal, message, 'aborted', limits);
  }

  async expect(change: AddressChange): Promise<void> {
    const { record, checked } = this.#check(change, change.newExternal);
    await this.#options.state.change(record.desktop, (r) => ({
      ...r,
      expecting: checked,
      guardedUntilMs: this.#options.now() + GUARD_EXPECTING_MS,
    }));
  }

  async commit(change: AddressChange, timeoutMs: number): Promise<{ confirmed: number; silent: number }> {
    const { record, checked } = this.#check(change, change.newExternal);
    const { desktop, epoch } = checked;
    if (change.targetKey !== this.#options.publicKey())
      throw new VmshadowError('NOT_OWNER', `epoch ${epoch} of ${desktop} belongs to another host's key`);
    // Recorded before the first COMMIT leaves: no older epoch can be committed from here after a crash.
    await this.#options.state.change(desktop, (r) => ({ ...r, epoch, expecting: null }));
    const limits = { timeoutMs, patienceMs: record.clients.length === 0 ? 0 : COMMIT_PATIENCE_MS };
    const message = { kind: 'commit', desktop, epoch } as const;
    const confirmed =
      (await this.#options.users()?.ask(checked, checked.newExternal, message, 'committed', limits)) ?? 0;
    const silent = record.clients.length - confirmed;
    const guardMs = silent === 0 ? GUARD_AFTER_COMMIT_MS : GUARD_AFTER_SILENCE_MS;
    await this.#options.state.change(desktop, (r) => ({
      ...r,
      guardedUntilMs: this.#options.now() + guardMs,
    }));
    return { confirmed, silent };
  }

  /** The users of a desktop that is to go whose proxies are ready for it. */
  ready({ desktop, external, outgoing }: NetworkRecord): Users {
    const users = this.#options.users();
    if (external === null || outgoing === null || users === null) return { direct: [], relayed: [] };
    return users.preparedAt(desktop, external, outgoing.epoch);
  }

  /** Refuse a change that does not concern this host's address, or is older than what is recorded. */
  #check(change: AddressChange, ownAddress: string): { record: NetworkRecord; checked: AddressChangeRecord } {
    const checked = parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
    const record = this.#options.state.get(checked.desktop);
    if (record.external !== ownAddress)
      throw new VmshadowError(
        'INPUT_INVALID',
        `${change.desktop} has the address ${record.external ?? '(none)'} on this host, not ${ownAddress}`,
      );
    if (change.epoch < record.epoch)
      throw new VmshadowError(
        'FENCED',
        `epoch ${change.epoch} of ${change.desktop} is older than ${record.epoch}, which is recorded here`,
      );
    return { record, checked };
  }

  /** Lift the guards whose time is over. */
  async liftGuards(): Promise<void> {
    const now = this.#options.now();
    // A time that is further off than the longest guard is of a clock that went back while dom0 was down.
    const over = (untilMs: number | null) =>
      untilMs !== null && (untilMs <= now || untilMs > now + GUARD_EXPECTING_MS);
    for (const record of this.#options.state.all())
      if (over(record.guardedUntilMs))
        await this.#options.state
          .change(record.desktop, (r) => ({ ...r, guardedUntilMs: null }))
          .catch((e: unknown) =>
            this.#options.logger.warn({ error: messageOf(e) }, 'could not lift the RST guard'),
          );
  }
}
