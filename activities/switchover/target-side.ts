// The switchover, target side: what the peer server calls. Its `owner` or `refused` record is the one decision about an epoch, and only a
// party of the move gets one: a stranger is fenced and nothing is written. Each call holds the desktop's lock.
import { hasCode, messageOf, VmshadowError } from '../../domain/errors.js';
import { accept, decisionOn, refuse, retract } from '../../domain/migration/ownership.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import { setClockSoon } from '../host/guest-agents.js';
import type { HostContext } from '../host/host-context.js';
import type { AddressChange, DesktopNetworkState } from '../../ports/desktop-network.js';
import type { CommitAnswer, PeerRequests, SwitchoverKey } from '../../ports/peers.js';
import type { CapacityReservation } from '../stores/reservation-store.js';

/** Clients that were told before the pause confirm at once; the others get this long, in the background. */
const COMMIT_CLIENTS_MS = 10_000;
/** The source asks again by itself: a question that has to wait longer than this is answered at its next try. */
const PEER_WAIT_MS = 10_000;

const REFUSED: CommitAnswer = { decision: 'refused', runningAtMs: null };

export class TargetSide implements PeerRequests {
  readonly #ctx: HostContext;

  constructor(ctx: HostContext) {
    this.#ctx = ctx;
  }

  /** Guard the flows and learn the clients before the pause. `from` is the authenticated peer. */
  async expect(
    from: HostRef,
    key: SwitchoverKey,
    change: { oldExternal: string; newExternal: string },
    state: DesktopNetworkState,
  ): Promise<void> {
    await this.#locked(key, 'making ready for the switchover', async () => {
      const reservation = await this.#undecided(from, key);
      // From here on the source may release: dropping the target later must leave its word behind (target.ts, dropTarget).
      await this.#ctx.reservations.put(reservation.moveId, {
        ...reservation,
        oldExternal: change.oldExternal,
      });
      await this.#ctx.network.importState(key.desktop, state);
      await this.#ctx.network.expect(this.#change(key, change));
    });
  }

  /** Check that memory and disk are complete and the copy stands paused. */
  async confirm(from: HostRef, key: SwitchoverKey): Promise<void> {
    await this.#locked(key, 'confirming the copy', async () => {
      await this.#undecided(from, key);
      await this.#ctx.hypervisor.confirmComplete(key);
    });
  }

  /** Decide about the epoch: run the copy, or refuse it for ever. The same answer whenever it is asked again. */
  async commit(from: HostRef, key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer> {
    return this.#locked(key, 'the commit', () => this.#commit(from, key, options));
  }

  async #commit(from: HostRef, key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer> {
    const { ownership, now } = this.#ctx;
    const record = await ownership.get(key.desktop);
    const before = decisionOn(record, key.epoch);
    if (before === 'undecided') {
      const reservation = await this.#reservation(from, key);
      if (!(await this.#canRun(key, reservation))) {
        await ownership.change(key.desktop, (r) => refuse(r, key.desktop, key.epoch, from, now()));
        return REFUSED;
      }
      await ownership.change(key.desktop, (r) => accept(r, key.desktop, key.epoch, from, now()));
      return this.#forward(key, reservation, options);
    }
    if (before === 'gone') {
      // It was taken over and has since gone on from here: that it left is the answer, and nothing here is touched.
      if (record?.state === 'refused') throw this.#stranger(from, key);
      return { decision: 'owner', runningAtMs: now() };
    }
    if (record?.peer == null || !sameHost(record.peer, from)) throw this.#stranger(from, key);
    if (before === 'refused') return REFUSED;
    const reservation = await this.#ctx.reservations.get(key.moveId);
    if (reservation !== null) await this.#renewRules(key, reservation);
    return this.#forward(key, reservation, options);
  }

  /** Asked again after `owner`: the rules were in force before it, and running unseen is better than running nowhere. */
  async #renewRules(key: SwitchoverKey, { definition }: CapacityReservation): Promise<void> {
    await this.#ctx.network.activate(definition).catch((error: unknown) => {
      this.#ctx.logger.error({ ...key, error: messageOf(error) }, "the desktop's rules could not be renewed");
    });
  }

  /** Everything that can fail is tried before the word is given: the copy, and the rules that its first packet must find. */
  async #canRun(key: SwitchoverKey, reservation: CapacityReservation): Promise<boolean> {
    try {
      await this.#ctx.hypervisor.confirmComplete(key);
      await this.#ctx.network.activate(reservation.definition);
      return true;
    } catch (error) {
      this.#ctx.logger.error({ ...key, error: messageOf(error) }, 'the copy cannot run here: refusing it');
      return false;
    }
  }

  /** From `owner` on there is only forward, except where the copy has provably never run. */
  async #forward(
    key: SwitchoverKey,
    reservation: CapacityReservation | null,
    options: { snapshot: boolean },
  ): Promise<CommitAnswer> {
    const { logger, self, now } = this.#ctx;
    if (!(await this.#run(key, options))) return REFUSED;
    const runningAtMs = now();
    logger.info({ ...key, host: hostKey(self) }, 'owner; the desktop runs here');
    setClockSoon(this.#ctx, key.desktop);
    if (reservation?.oldExternal !== null && reservation?.oldExternal !== undefined)
      await this.#tellClients(key, reservation.oldExternal);
    return { decision: 'owner', runningAtMs };
  }

  /** Let the copy run; false when it never did and never can: then the source, which waits for our word, goes on. */
  async #run(key: SwitchoverKey, options: { snapshot: boolean }): Promise<boolean> {
    const { ownership, hypervisor, now, logger } = this.#ctx;
    try {
      await hypervisor.activate(key, options.snapshot);
    } catch (error) {
      logger.error({ ...key, error: messageOf(error) }, 'the copy could not be run');
      if (hasCode(error, 'MEMORY_COPY') && error.details['ran'] === false) {
        await ownership.change(key.desktop, (r) => retract(r, key.desktop, key.epoch, now()));
        return false;
      }
      if (!hasCode(error, 'DESKTOP_DOWN')) throw error;
      // It had run here and died: it is ours, and starts again from its disk.
      await hypervisor.start(key.desktop);
    }
    return true;
  }

  async #tellClients(key: SwitchoverKey, oldExternal: string): Promise<void> {
    const { network, logger } = this.#ctx;
    const newExternal = await network.externalOf(key.desktop);
    if (newExternal === null) return;
    network.commitClients(this.#change(key, { oldExternal, newExternal }), COMMIT_CLIENTS_MS).then(
      (told) => logger.info({ ...key, ...told }, 'clients told'),
      (error: unknown) => logger.error({ ...key, error: messageOf(error) }, 'clients could not be told'),
    );
  }

  #locked<T>(key: SwitchoverKey, what: string, work: () => Promise<T>): Promise<T> {
    return this.#ctx.locks.run(key.desktop, what, work, { waitMs: PEER_WAIT_MS });
  }

  #change(key: SwitchoverKey, change: { oldExternal: string; newExternal: string }): AddressChange {
    return { desktop: key.desktop, epoch: key.epoch, ...change, targetKey: this.#ctx.network.publicKey };
  }

  /** The reservation of a move that nothing has been decided about; FENCED otherwise. */
  async #undecided(from: HostRef, key: SwitchoverKey): Promise<CapacityReservation> {
    const reservation = await this.#reservation(from, key);
    if (decisionOn(await this.#ctx.ownership.get(key.desktop), key.epoch) !== 'undecided')
      throw new VmshadowError(
        'FENCED',
        `${hostKey(this.#ctx.self)} has already decided about ${key.desktop} at epoch ${String(key.epoch)} (move ${key.moveId})`,
      );
    return reservation;
  }

  /** The reservation of this move; the peer must be the host that it was made for. */
  async #reservation(from: HostRef, key: SwitchoverKey): Promise<CapacityReservation> {
    const reservation = await this.#ctx.reservations.get(key.moveId);
    if (
      reservation === null ||
      reservation.definition.id !== key.desktop ||
      reservation.epoch !== key.epoch ||
      !sameHost(reservation.from, from)
    )
      throw this.#stranger(from, key);
    return reservation;
  }

  #stranger(from: HostRef, key: SwitchoverKey): VmshadowError {
    return new VmshadowError(
      'FENCED',
      `${hostKey(this.#ctx.self)} expects no desktop ${key.desktop} at epoch ${String(key.epoch)} from ${hostKey(from)} (move ${key.moveId})`,
    );
  }
}
