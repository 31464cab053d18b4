// The switchover, target side: what the peer server calls. Its `owner` or `refused` record is the one decision about an epoch.
import { hasCode, messageOf, VmshadowError } from '../../domain/errors.js';
import { accept, decisionOn, refuse, retract } from '../../domain/migration/ownership.js';
import { hostKey, sameHost, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { HostContext } from '../host/host-context.js';
import type { AddressChange, DesktopNetworkState } from '../../ports/desktop-network.js';
import type { CommitAnswer, SwitchoverKey, PeerRequests } from '../../ports/peers.js';
import type { Reservation } from '../stores/reservation-store.js';

/** Clients that were told before the pause confirm at once; the others get this long, in the background. */
const COMMIT_CLIENTS_MS = 10_000;

export class TargetSide implements PeerRequests {
  readonly #ctx: HostContext;
  /** One commit of a desktop at a time: the source may ask again while the first call still runs. */
  readonly #running = new Map<DesktopId, Promise<CommitAnswer>>();

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
    const reservation = await this.#reservation(from, key);
    await this.#ctx.reservations.put({ ...reservation, oldExternal: change.oldExternal });
    await this.#ctx.network.importState(key.desktop, state);
    await this.#ctx.network.expect(this.#change(key, change));
  }

  /** Check that memory and disk are complete and the copy stands paused. */
  async confirm(from: HostRef, key: SwitchoverKey): Promise<void> {
    await this.#reservation(from, key);
    await this.#ctx.hypervisor.confirmComplete(key);
  }

  /** Decide about the epoch: run the copy, or refuse it for ever. The same answer whenever it is asked again. */
  async commit(from: HostRef, key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer> {
    const under = this.#running.get(key.desktop);
    if (under !== undefined) return under;
    const run = this.#commit(from, key, options).finally(() => this.#running.delete(key.desktop));
    this.#running.set(key.desktop, run);
    return run;
  }

  async #commit(from: HostRef, key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer> {
    const { ownership, hypervisor, network, now, logger, self } = this.#ctx;
    const before = decisionOn(await ownership.read(key.desktop), key.epoch);
    if (before === 'refused') return { decision: 'refused', runningAtMs: null };
    const reservation = await this.#ctx.reservations.get(key.moveId);
    if (before === 'undecided') {
      try {
        await this.#reservation(from, key);
        await hypervisor.confirmComplete(key);
      } catch (error) {
        logger.error({ ...key, error: messageOf(error) }, 'the copy cannot run here: refusing it');
        await ownership.change(key.desktop, (r) => refuse(r, key.desktop, key.epoch, from, now()));
        return { decision: 'refused', runningAtMs: null };
      }
      await ownership.change(key.desktop, (r) => accept(r, key.desktop, key.epoch, from, now()));
    }
    // From `owner` on there is only forward. Rules first: the guest's first packet must find them.
    if (reservation !== null) await network.activate(reservation.definition);
    if (!(await this.#run(key, options))) return { decision: 'refused', runningAtMs: null };
    const runningAtMs = now();
    logger.info({ ...key, host: hostKey(self) }, 'owner; the desktop runs here');
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

  #change(key: SwitchoverKey, change: { oldExternal: string; newExternal: string }): AddressChange {
    return { desktop: key.desktop, epoch: key.epoch, ...change, targetKey: this.#ctx.network.publicKey };
  }

  /** The reservation of this move; the peer must be the host that it was made for. */
  async #reservation(from: HostRef, key: SwitchoverKey): Promise<Reservation> {
    const reservation = await this.#ctx.reservations.get(key.moveId);
    if (
      reservation === null ||
      reservation.definition.id !== key.desktop ||
      reservation.epoch !== key.epoch ||
      !sameHost(reservation.from, from)
    )
      throw new VmshadowError(
        'FENCED',
        `${hostKey(this.#ctx.self)} expects no desktop ${key.desktop} at epoch ${String(key.epoch)} from ${hostKey(from)} (move ${key.moveId})`,
      );
    return reservation;
  }
}
