// Keeps desktops that this host owns as they should be: those that should run and have no living guest (a power cut, a crash) are started
// again, a few at a time and as memory allows; those that stand still on a full disk go on when there is room; a guest that has shut itself
// down stays down. Only the owner's: what came half-way, or was released, is the switchover's business. Under the desktop's lock, by the
// record as it is then: a move that is under way is left alone.
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { hasCode, messageOf } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { hasRoomToGoOn, outOfSpace } from '../../domain/model/real-room.js';
import { hasSettled, MAX_RESTARTS, restartDecision } from '../../domain/model/restarts.js';
import type { DesktopRuntime } from '../../ports/hypervisor.js';
import { setClockSoon } from './guest-agents.js';
import type { HostContext } from './host-context.js';
import { startHere } from './start-here.js';

/** A user notices a desktop that is gone; a look costs a question to each QEMU. */
const LOOK_MS = 5_000;
/** A guest that boots takes a core and the disk: two at a time are soon done, and all at once would only thrash. */
const AT_A_TIME = 2;
/** Whatever holds a desktop's lock for longer knows better what it should do. */
const LOCK_WAIT_MS = 200;

export class PowerKeeper {
  readonly #ctx: HostContext;
  readonly #lookMs: number;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(ctx: HostContext, lookMs = LOOK_MS) {
    this.#ctx = ctx;
    this.#lookMs = lookMs;
  }

  /** Look now, and then again and again until `stop`. */
  start(): void {
    this.#running = this.#run(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** Look at every desktop once and do what is to be done. One that fails is said and does not hold the others up. */
  async look(): Promise<void> {
    const { hypervisor, ownership, power } = this.#ctx;
    const [desktops, records] = await Promise.all([hypervisor.list(), ownership.list()]);
    const owned = new Set(records.filter((r) => r.state === 'owner').map((r) => r.desktop));
    await power.keepOnly(owned);
    const mine = desktops.filter((d) => owned.has(d.definition.id));
    await pMap(mine, (d) => this.#tend(d), { concurrency: AT_A_TIME });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => {
        this.#ctx.logger.error(
          { error: messageOf(error) },
          'the desktops of this host could not be looked at',
        );
      });
      await sleep(this.#lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #tend(desktop: DesktopRuntime): Promise<void> {
    const { id } = desktop.definition;
    try {
      if (isDown(desktop)) await this.#startAgain(desktop);
      else if (desktop.state === 'stopped') await this.#leaveDown(desktop);
      else if (desktop.state === 'out-of-space') await this.#goOn(desktop);
      else await this.#well(desktop);
    } catch (error) {
      if (hasCode(error, 'MOVE_IN_PROGRESS')) return;
      this.#ctx.power.note(id, `down, and could not be brought back: ${messageOf(error)}`);
    }
  }

  async #well({ definition: { id } }: DesktopRuntime): Promise<void> {
    const { power, now } = this.#ctx;
    power.note(id, null);
    const restarts = await power.restartsOf(id);
    if (restarts !== null && hasSettled(restarts, now())) await power.forget(id);
  }

  async #startAgain({ definition }: DesktopRuntime): Promise<void> {
    const { id } = definition;
    const { power, now, logger } = this.#ctx;
    const known = await power.restartsOf(id);
    const decision = restartDecision(id, known, now());
    if (decision.kind === 'give-up') {
      if (decision.record !== known) await power.remember(decision.record);
      power.note(
        id,
        `crashed, and is not started any more: ${String(MAX_RESTARTS)} starts within an hour did not help. Look at its log, then \`vmshadow desktop start ${id}\``,
      );
      return;
    }
    if (decision.kind === 'wait') {
      power.note(
        id,
        `crashed after ${String(decision.restarts)} of ${String(MAX_RESTARTS)} restarts; started again at ${new Date(decision.untilMs).toISOString()}`,
      );
      return;
    }
    await this.#underLock(id, 'starting it again', isDown, async () => {
      try {
        await startHere(this.#ctx, definition);
      } catch (error) {
        if (!hasCode(error, 'NO_CAPACITY')) await power.remember(decision.record);
        throw error;
      }
      await power.remember(decision.record);
      power.note(id, null);
      logger.warn({ desktop: id }, 'it should run and had ended: started again');
    });
  }

  /** Its process still stands, and says so: soon nobody could tell this from a crash. */
  async #leaveDown(desktop: DesktopRuntime): Promise<void> {
    const { id } = desktop.definition;
    await this.#ctx.power.forget(id);
    if (desktop.wanted === 'stopped') return;
    const hasShutDown = (d: DesktopRuntime) => d.state === 'stopped' && d.wanted === 'running';
    await this.#underLock(id, 'ending a guest that has shut itself down', hasShutDown, async () => {
      await this.#ctx.hypervisor.stop(id, 0);
      this.#ctx.logger.info({ desktop: id }, 'the guest has shut itself down and stays down');
    });
  }

  async #goOn({ definition: { id } }: DesktopRuntime): Promise<void> {
    const { power, hypervisor, logger } = this.#ctx;
    const resources = await hypervisor.resources();
    power.note(id, outOfSpace(resources));
    if (!hasRoomToGoOn(resources)) return;
    const isStuck = (d: DesktopRuntime) => d.state === 'out-of-space';
    await this.#underLock(id, 'letting it go on', isStuck, async () => {
      await hypervisor.resume(id);
      setClockSoon(this.#ctx, id);
      power.note(id, null);
      logger.warn({ desktop: id }, 'there is room on its file system again: it goes on');
    });
  }

  /** Act on a desktop that this host owns and that is, under the lock, still as it was seen. */
  #underLock(
    id: DesktopId,
    what: string,
    isStill: (desktop: DesktopRuntime) => boolean,
    act: () => Promise<void>,
  ): Promise<void> {
    const { locks, ownership, hypervisor } = this.#ctx;
    const work = async () => {
      const record = await ownership.get(id);
      const now = await hypervisor.get(id);
      if (record?.state === 'owner' && now !== null && isStill(now)) await act();
    };
    return locks.run(id, what, work, { waitMs: LOCK_WAIT_MS });
  }
}

const isDown = ({ state, wanted }: DesktopRuntime) => state === 'crashed' && wanted === 'running';
