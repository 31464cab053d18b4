// Asks the loop for what the page shows, no oftener than it changes, however many look: the overview every second at most, all desktops once a
// cycle. It remembers how figures went, whether somebody looks or not.
import { setTimeout as sleep } from 'node:timers/promises';
import { Semaphore } from 'async-mutex';
import pMap from 'p-map';
import type { Fingerprint } from '../../domain/fingerprint/model.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import type { Policy } from '../../domain/model/policy.js';
import type { Place } from '../../domain/users/geography.js';
import { VmshadowError } from '../../domain/errors.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import type { DesktopStatus, LoopStatus } from '../../temporal/contract/status.js';
import type { PastMove } from '../../temporal/past-moves.js';
import type { DesktopDetail, DesktopRow, Desktops, Overview, Plan, TemporalUi } from '../api.js';
import { versionOf } from '../view/version.js';
import { figuresOf, responseAt } from './figures.js';
import { Shared } from './shared.js';
import { TrendKeeper } from './trend.js';
import { placeFromRoundTrips } from './user-place.js';

/** What is asked of the loop and of moves. */
interface PoolReader {
  status(ask: { limit?: number; desktop?: string }): Promise<LoopStatus>;
  wholeStatus(): Promise<LoopStatus>;
  policy(): Promise<Policy>;
  cloud(): Promise<CloudConfig>;
  fingerprint(desktop: DesktopId): Promise<Fingerprint | null>;
  moveStatus(desktop: DesktopId): Promise<MoveStatus | null>;
  history(desktop: DesktopId, limit: number, known: LoopStatus): Promise<PastMove[]>;
}

export interface PoolWatchOptions {
  readonly reader: PoolReader;
  readonly temporalUi: TemporalUi | null;
  /** Tells where addresses are, by a database of this machine. */
  readonly openPlaces: (file: string) => Promise<(address: string) => Place | null>;
  /** How long what is known waits for news, ms. */
  readonly patienceMs?: number;
}

/** No page asks oftener. */
const FRESH_MS = 1_000;
/** So long a question for all desktops waits for news. */
const PATIENCE_MS = 2_000;
/** How often it is looked whether there was a cycle, while nobody else asks. */
const LOOK_EVERY_MS = 5_000;
/** Of one of these nobody reads all at once; the rest are in the list of moves all the same. */
const MOVES_ASKED = 100;
/** Questions that the server gets at once for one overview. */
const MOVES_AT_A_TIME = 20;
/** Each asks for hundreds of past moves at worst: more of them wait, whoever asks, and more than that are sent away. */
const DESKTOPS_AT_A_TIME = 4;
const DESKTOPS_WAITING = 100;
/** Three figures of each desktop: 29 MB at 20,000. */
const POINTS_EACH = 120;

export class PoolWatch {
  readonly #options: PoolWatchOptions;
  readonly #pool = new TrendKeeper();
  readonly #desktops = new TrendKeeper(POINTS_EACH);
  /** The answers, the same ones as long as nothing is new: the server writes each once. */
  #whole: { version: string; desktops: Desktops; plan: Plan } | null = null;
  readonly #overview = new Shared<Overview>(FRESH_MS);
  readonly #details = new Shared<DesktopDetail>(FRESH_MS);
  readonly #looks = new Semaphore(DESKTOPS_AT_A_TIME);
  #looking = 0;
  #taking: Promise<void> | null = null;
  #places: { file: string; placeOf: Promise<(address: string) => Place | null> } | null = null;

  constructor(options: PoolWatchOptions) {
    this.#options = options;
  }

  /** Look at the loop until `signal` is aborted, so that there is something to show when somebody comes. */
  async record(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#takeIn().catch(() => undefined);
      await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** The pool at a glance. */
  overview(): Promise<Overview> {
    return this.#overview.get('', () => this.#lookAround());
  }

  /** All desktops as of the last cycle. */
  async desktops(): Promise<Desktops> {
    return (await this.#all()).desktops;
  }

  async plan(): Promise<Plan> {
    return (await this.#all()).plan;
  }

  /** One desktop, with its moves; throws UNKNOWN_DESKTOP, and CONTROL_PLANE where too many ask for others. */
  desktop(id: DesktopId, limit: number): Promise<DesktopDetail> {
    return this.#details.get(`${id} ${String(limit)}`, () => this.#inTurn(() => this.#lookAt(id, limit)));
  }

  async #inTurn<T>(look: () => Promise<T>): Promise<T> {
    if (this.#looking >= DESKTOPS_WAITING)
      throw new VmshadowError('CONTROL_PLANE', 'too many desktops are looked at at once; try again');
    this.#looking++;
    try {
      return await this.#looks.runExclusive(look);
    } finally {
      this.#looking--;
    }
  }

  async #lookAt(id: DesktopId, limit: number): Promise<DesktopDetail> {
    const { reader } = this.#options;
    const [status, fingerprint] = await Promise.all([reader.status({ desktop: id }), reader.fingerprint(id)]);
    const [desktop] = status.desktops;
    if (desktop === undefined) throw new VmshadowError('UNKNOWN_DESKTOP', `there is no desktop ${id}`);
    const names = { rank: `rank ${id}`, rtt: `rtt ${id}`, response: `response ${id}` };
    const moves = await reader.history(id, limit, status);
    return { desktop, fingerprint, moves, trend: this.#desktops.of(names) };
  }

  async #lookAround(): Promise<Overview> {
    const { reader, temporalUi } = this.#options;
    const [status, policy, cloud] = await Promise.all([
      reader.status({ limit: 0 }),
      reader.policy(),
      reader.cloud(),
    ]);
    const asked = status.moves.slice(0, MOVES_ASKED);
    const moves = await pMap(
      asked,
      async (move) => [move.desktop, await reader.moveStatus(move.desktop).catch(() => null)] as const,
      { concurrency: MOVES_AT_A_TIME },
    );
    const used = Object.fromEntries(status.sites.map(({ site }) => [`used/${site}`, `used/${site}`]));
    const same = ['desktops', 'rank', 'candidates', 'rtt', 'moves'].map((name) => [name, name]);
    return {
      atMs: Date.now(),
      loop: status,
      moves: Object.fromEntries(moves),
      places: placesOf(cloud),
      trend: this.#pool.of({ ...used, ...(Object.fromEntries(same) as Record<string, string>) }),
      highThreshold: policy.placement.highThreshold,
      temporalUi,
    };
  }

  /**
   * All desktops as of now: the page asks when something has changed, and not again before the next change. Where the loop takes long, or is
   * away, what was known before.
   */
  async #all(): Promise<{ desktops: Desktops; plan: Plan }> {
    const taking = this.#takeIn();
    if (this.#whole === null) await taking;
    else
      await Promise.race([
        taking.catch(() => undefined),
        sleep(this.#options.patienceMs ?? PATIENCE_MS, undefined, { ref: false }),
      ]);
    if (this.#whole === null)
      throw new VmshadowError('CONTROL_PLANE', 'the loop has just begun, and hosts have not reported');
    return this.#whole;
  }

  /** Take in the whole pool once a cycle; who comes meanwhile waits for the same. */
  #takeIn(): Promise<void> {
    this.#taking ??= this.#takeInOnce().finally(() => (this.#taking = null));
    return this.#taking;
  }

  async #takeInOnce(): Promise<void> {
    const { reader } = this.#options;
    const glance = await reader.status({ limit: 0 });
    if (this.#whole?.version === versionOf(glance)) return;
    const [status, cloud, policy] = await Promise.all([
      reader.wholeStatus(),
      reader.cloud(),
      reader.policy(),
    ]);
    if (status.beginning) return;
    const places = placesOf(cloud);
    const placeOf = await this.#placeOf(cloud);
    const rows = status.desktops.map((d) => rowOf(d, places, placeOf));
    this.#whole = {
      version: versionOf(status),
      desktops: { cycle: status.cycle, desktops: rows },
      plan: { plan: status.plan },
    };
    const atMs = Date.now();
    this.#pool.add(atMs, figuresOf(status, rows, policy.placement.highThreshold));
    this.#desktops.add(
      atMs,
      rows.flatMap(({ desktop, rank, rttMs, responseMs }): [string, number | null][] => [
        [`rank ${desktop}`, rank],
        [`rtt ${desktop}`, rttMs],
        [`response ${desktop}`, responseMs],
      ]),
    );
  }

  /** Opened once, for as long as the cloud names the same file. */
  #placeOf({ geoDatabase: file }: CloudConfig): Promise<(address: string) => Place | null> {
    if (file === undefined) return Promise.resolve(() => null);
    if (this.#places?.file !== file) this.#places = { file, placeOf: this.#options.openPlaces(file) };
    return this.#places.placeOf;
  }
}

function rowOf(
  d: DesktopStatus,
  places: Readonly<Record<string, Place>>,
  placeOf: (address: string) => Place | null,
): DesktopRow {
  const found = d.user === null ? null : placeOf(addressOf(d.user));
  return {
    desktop: d.desktop,
    site: d.host.site,
    host: hostKey(d.host),
    state: d.state,
    rank: d.rank,
    rttMs: d.rttMs,
    responseMs: responseAt(d),
    user: d.user,
    place: found === null ? placeFromRoundTrips(d.rtts, places) : { ...found, from: 'address' },
    moving: d.move !== null,
    problem: d.problem,
  };
}

/** Without its port. */
const addressOf = (seenAs: string) => seenAs.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

function placesOf(cloud: CloudConfig): Record<string, Place> {
  return Object.fromEntries(
    cloud.sites.flatMap(({ id, latitude, longitude }) =>
      latitude === undefined || longitude === undefined ? [] : [[id, { latitude, longitude }]],
    ),
  );
}
