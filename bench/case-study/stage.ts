// Two sites of four slots on a real Temporal server with the real loop, over fake hosts; what is where, second by second.
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef, SiteId } from '../../domain/model/ids.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { ControlPlane } from '../../test/support/control-plane.js';
import { eventually } from '../../test/support/eventually.js';
import { oneHostSites } from '../../test/support/one-host-sites.js';
import { responseMs, RTT_MS, windowOf, type Activity } from './actors.js';

/** As in the paper: four desktops a site. */
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4_096, diskMiB: 10_000 };
const SITES = ['us-west', 'us-east'] as const;
const SAMPLE_MS = 250;

export interface Seen {
  readonly atMs: number;
  readonly desktop: string;
  readonly site: string;
  readonly responseMs: number | null;
}

export class Stage {
  readonly seen: Seen[] = [];
  readonly startedAtMs = Date.now();
  readonly #plane: ControlPlane;
  readonly #cloud: FakeCloud;
  readonly #hosts: ReadonlyMap<string, FakeHost>;
  readonly #activities: Map<string, Activity>;
  readonly #config: CloudConfig;
  readonly #timer: NodeJS.Timeout;

  private constructor(parts: {
    plane: ControlPlane;
    cloud: FakeCloud;
    hosts: ReadonlyMap<string, FakeHost>;
    activities: Map<string, Activity>;
    config: CloudConfig;
  }) {
    this.#plane = parts.plane;
    this.#cloud = parts.cloud;
    this.#hosts = parts.hosts;
    this.#activities = parts.activities;
    this.#config = parts.config;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Set it up with the desktops that are there from the beginning; the loop acts from `act` on. */
  static async set(algorithm: string): Promise<Stage> {
    const config = CloudConfig.parse({
      sites: oneHostSites(SITES),
      policy: {
        cycleMs: 1_000,
        act: false,
        fingerprint: { alpha: 1 },
        placement: { algorithm, hysteresisMs: 0, evictionHysteresisMs: 0 },
        migration: { graceMs: 0 },
      },
      limits: { movesInAll: 2, movesPerHost: 2 },
    });
    const plane = await ControlPlane.start();
    const cloud = new FakeCloud();
    const activities = new Map<string, Activity>();
    const hosts = new Map<string, FakeHost>();
    for (const [i, site] of SITES.entries()) {
      const host = await cloud.add(HostRef.parse({ site, host: 'h1' }), capacity, `198.18.${String(i)}.1`);
      const here = () => [...host.desktops.keys()];
      Object.defineProperty(host, 'windows', {
        get: () => here().map((id) => windowOf(id, activities.get(id) ?? 'idle', site)),
      });
      Object.defineProperty(host, 'users', { get: () => here().map(userOf) });
      await plane.startHost(host.context);
      hosts.set(site, host);
    }
    await plane.startManager();
    await ensureShadowLoop(plane.client, config);
    return new Stage({ plane, cloud, hosts, activities, config });
  }

  /** A desktop starts at a site. */
  async begin(id: string, activity: Activity, site: string): Promise<void> {
    const n = String(this.#activities.size + 1);
    this.#activities.set(id, activity);
    const network = { address: `10.77.${n}.2`, gateway: `10.77.${n}.1`, mac: `52:54:0a:4d:0${n}:02` };
    await this.#hosts.get(site)?.give({ ...fakeDesktop(id), network });
  }

  /** Its user does something else. */
  turns(id: string, activity: Activity): void {
    this.#activities.set(id, activity);
  }

  async act(): Promise<void> {
    await this.#loop().executeUpdate(LOOP.setPolicy, { args: [{ act: true }] });
  }

  status(): Promise<LoopStatus> {
    return this.#loop().query(LOOP.status);
  }

  /** Wait until desktops are where they are to be, and every move is over. */
  async until(wanted: Readonly<Record<string, string>>): Promise<LoopStatus> {
    const isThere = () =>
      Object.entries(wanted).every(([id, site]) => this.#cloud.runningAt(id).join() === `${site}/h1`);
    return eventually(
      () => this.status(),
      (s) => isThere() && s.moves.length === 0,
    );
  }

  /** What is at a site. */
  at(site: string): string[] {
    return [...this.#activities.keys()].filter((id) => this.#cloud.runningAt(id).join() === `${site}/h1`);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#plane.stop();
    await this.#cloud.remove();
  }

  #loop() {
    return this.#plane.client.workflow.getHandle(shadowLoopId(this.#config.pool));
  }

  #sample(): void {
    for (const [desktop, activity] of this.#activities) {
      const site = this.#cloud.runningAt(desktop)[0]?.split('/')[0] ?? '';
      this.seen.push({ atMs: Date.now(), desktop, site, responseMs: responseMs(activity, site) });
    }
  }
}

const userOf = (id: string) => ({
  desktop: DesktopId.parse(id),
  client: FAKE_KEY,
  seenAs: { address: '203.0.113.2', port: 40_000 },
  rtts: Object.entries(RTT_MS).map(([site, rttMs]) => ({ site: SiteId.parse(site), rttMs, ageMs: 0 })),
});
