// A cloud to look at: five sites with places, fake hosts, and desktops whose users live somewhere. Round trips go by distance.
import { REFERENCE_RTTS_MS, type TrafficWindow } from '../../domain/fingerprint/model.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef, SiteId } from '../../domain/model/ids.js';
import { greatCircleKm, type Place } from '../../domain/users/geography.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import type { ControlPlane } from './control-plane.js';
import { oneHostSites } from './one-host-sites.js';

const SHOWN_SITES: Readonly<Record<string, Place>> = {
  'us-west': { latitude: 45.6, longitude: -121.2 },
  'us-central': { latitude: 41.3, longitude: -95.9 },
  'us-east': { latitude: 33.2, longitude: -80 },
  'eu-west': { latitude: 50.4, longitude: 3.8 },
  'eu-north': { latitude: 60.6, longitude: 27.1 },
};

/** Where users live, each with somebody who watches videos and somebody who writes. */
const HOMES: Readonly<Record<string, Place>> = {
  seattle: { latitude: 47.6, longitude: -122.3 },
  boston: { latitude: 42.4, longitude: -71.1 },
  miami: { latitude: 25.8, longitude: -80.2 },
  chicago: { latitude: 41.9, longitude: -87.6 },
  london: { latitude: 51.5, longitude: -0.1 },
  paris: { latitude: 48.9, longitude: 2.4 },
  stockholm: { latitude: 59.3, longitude: 18.1 },
  madrid: { latitude: 40.4, longitude: -3.7 },
};

/** Light in fibre, there and back, with the detours of real networks. */
const MS_PER_KM = 0.016;
const capacity = { slots: 12, vcpus: 24, memoryMiB: 8192, diskMiB: 20_000 };

export interface ShownCloud {
  readonly config: CloudConfig;
  readonly cloud: FakeCloud;
  readonly hosts: ReadonlyMap<string, FakeHost>;
}

export interface ShownPolicy {
  readonly act: boolean;
  readonly cycleMs: number;
}

/** Start its hosts at a control plane. Every desktop begins two sites away from the best one. */
export async function startShownCloud(
  plane: ControlPlane,
  { act, cycleMs }: ShownPolicy,
): Promise<ShownCloud> {
  const sites = Object.keys(SHOWN_SITES);
  const config = CloudConfig.parse({
    sites: oneHostSites(sites).map((site) => ({ ...site, ...SHOWN_SITES[site.id] })),
    policy: {
      cycleMs,
      act,
      fingerprint: { alpha: 1 },
      placement: { hysteresisMs: 0 },
      migration: { graceMs: 0 },
    },
    limits: { movesInAll: 3 },
  });
  const cloud = new FakeCloud();
  const hosts = new Map<string, FakeHost>();
  for (const [i, site] of sites.entries()) {
    const host = await cloud.add(HostRef.parse({ site, host: 'h1' }), capacity, `198.18.${String(i)}.1`);
    Object.defineProperty(host, 'windows', {
      get: () => [...host.desktops.keys()].map((id) => windowOf(id, site)),
    });
    Object.defineProperty(host, 'users', { get: () => [...host.desktops.keys()].map(userOf) });
    await plane.startHost(host.context);
    hosts.set(site, host);
  }
  for (const [n, home] of Object.keys(HOMES).entries()) {
    const nearestFirst = sites.toSorted((a, b) => rttMs(home, a) - rttMs(home, b));
    for (const [k, kind] of ['video', 'text'].entries()) {
      const net = String(2 * n + k + 1);
      const network = {
        address: `10.77.${net}.2`,
        gateway: `10.77.${net}.1`,
        mac: `52:54:0a:4d:${net.padStart(2, '0')}:02`,
      };
      const at = hosts.get(nearestFirst[k === 0 ? 3 : 1] ?? '');
      await at?.give({ ...fakeDesktop(`${kind}-${home}`), network });
    }
  }
  return { config, cloud, hosts };
}

function rttMs(home: string, site: string): number {
  const [a, b] = [HOMES[home], SHOWN_SITES[site]];
  if (a === undefined || b === undefined) throw new Error(`${home} ${site}`);
  return Math.round(10 * (4 + MS_PER_KM * greatCircleKm(a, b))) / 10;
}

const homeOf = (id: string) => id.slice(id.indexOf('-') + 1);
const addressOf = (id: string) => ({
  address: `203.0.113.${String(1 + Object.keys(HOMES).indexOf(homeOf(id)))}`,
  port: 40_000,
});

const userOf = (id: string) => ({
  desktop: DesktopId.parse(id),
  client: FAKE_KEY,
  seenAs: addressOf(id),
  rtts: Object.keys(SHOWN_SITES).map((site) => ({
    site: SiteId.parse(site),
    rttMs: rttMs(homeOf(id), site),
    ageMs: 0,
  })),
});

/** What the session shows of itself: a video that waits for each round trip, or a text that somebody types now and then. */
function windowOf(id: string, site: string): TrafficWindow {
  const endMs = Date.now();
  const user = addressOf(id);
  const flow = {
    protocol: 'tcp' as const,
    desktopPort: 5901,
    peerAddress: user.address,
    peerPort: user.port,
  };
  const at = rttMs(homeOf(id), site);
  const isVideo = id.startsWith('video');
  const think = 30;
  const rate = REFERENCE_RTTS_MS.map((ms) => (isVideo ? 1000 / (ms + think) : 0.8));
  const sums = isVideo
    ? { bytesIn: 20_000, packetsIn: 200, bytesOut: 1_000_000, packetsOut: 900 }
    : { bytesIn: 900, packetsIn: 9, bytesOut: 3_000, packetsOut: 9 };
  return {
    desktop: id,
    startMs: endMs - 10_000,
    endMs,
    flows: [{ ...flow, ...sums }],
    rest: { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0, flows: 0 },
    user,
    rttMs: at,
    remoteDesktop: { ...flow, foundBy: 'port' },
    cycles: {
      flow,
      takenAtMs: endMs,
      sampleMs: 5_000,
      mode: 'pull',
      frames: isVideo ? 60 : 8,
      framesPerSecond: isVideo ? 1000 / (at + think) : 0.8,
      bytesPerFrame: 9_000,
      outstanding: 1,
      thinkMs: think,
      burstMs: 1,
      turnaroundMs: at,
      distanceLimitedShare: isVideo ? 1 : 0,
      inputsPerSecond: isVideo ? 0 : 0.5,
      retransmissions: 0,
      rttMs: at,
      rttFrom: 'timestamps',
      contentKnown: true,
      predicted: {
        framesPerSecond: rate,
        visibleFps: rate,
        responseMs: REFERENCE_RTTS_MS.map((ms) => ms + think),
      },
      doubt: null,
      lowerBound: false,
    },
  };
}
