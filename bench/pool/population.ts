// A pool of desktops as its hosts report it, cycle after cycle, from a seed: what passes through Temporal has real sizes (addresses,
// full-precision figures, six flows, a header sample, round trips to many sites), though no guest runs behind it.
import type { FingerprintKeeper } from '../../activities/host/fingerprint-keeper.js';
import type { HostReport } from '../../temporal/contract/host-report.js';
import { REFERENCE_RTTS_MS, type CycleSummary, type TrafficWindow } from '../../domain/fingerprint/model.js';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, type HostRef, SiteId } from '../../domain/model/ids.js';
import { rounded } from '../../domain/fingerprint/statistics.js';
import { randomFrom } from '../../lab/random.js';

export interface PoolShape {
  readonly desktops: number;
  readonly sites: number;
  readonly hostsPerSite: number;
  /** Sites that each thin client measures. */
  readonly rttsEach: number;
  readonly cycleMs: number;
}

const siteId = (s: number) => SiteId.parse(`site-${String(s).padStart(3, '0')}`);

/** The pool's vmshadow.yaml; it plans and moves nothing. */
export function poolConfig(shape: PoolShape): CloudConfig {
  return CloudConfig.parse({
    pool: 'bench',
    internalRange: '10.0.0.0/8',
    sites: Array.from({ length: shape.sites }, (_, s) => ({
      id: siteId(s),
      kind: s < 3 ? 'global' : 'regional',
      hosts: Array.from({ length: shape.hostsPerSite }, (__, h) => ({
        id: `h${String(h)}`,
        peer: { address: `192.0.2.${String(1 + (s % 250))}`, port: 7443 },
        probe: { address: `192.0.2.${String(1 + (s % 250))}`, port: 7946 },
      })),
    })),
    policy: { cycleMs: shape.cycleMs, act: false },
  });
}

/** All hosts of the pool. */
export function hostsOf(cloud: CloudConfig): HostRef[] {
  return cloud.sites.flatMap((s) => s.hosts.map((h) => ({ site: s.id, host: h.id })));
}

const address = (base: number, n: number) =>
  `${String(base)}.${String((n >> 16) & 255)}.${String((n >> 8) & 255)}.${String(n & 255)}`;

function sample(random: () => number, n: number, atMs: number, rttMs: number, flow: ShownFlow): CycleSummary {
  const think = rounded(2 + random() * 40);
  const curve = REFERENCE_RTTS_MS.map((ms) => rounded(1000 / (ms + think)));
  return {
    flow,
    takenAtMs: atMs,
    sampleMs: 5_000,
    mode: n % 5 === 0 ? 'push' : 'pull',
    frames: 1 + Math.floor(random() * 120),
    framesPerSecond: rounded(random() * 25),
    bytesPerFrame: rounded(random() * 12_000),
    outstanding: 1,
    thinkMs: think,
    burstMs: rounded(random() * 9),
    turnaroundMs: rounded(rttMs + think),
    distanceLimitedShare: rounded(random()),
    inputsPerSecond: rounded(random() * 12),
    retransmissions: Math.floor(random() * 3),
    rttMs,
    rttFrom: 'timestamps',
    contentKnown: random() < 0.7,
    predicted: {
      framesPerSecond: curve,
      visibleFps: curve.map((x) => rounded(x * 0.93)),
      responseMs: curve.map((x) => rounded(1000 / x)),
    },
    doubt: null,
    lowerBound: false,
  };
}

type ShownFlow = CycleSummary['flow'];

function windowOf(random: () => number, n: number, atMs: number, rttMs: number): TrafficWindow {
  const user = { address: address(100, n + 7), port: 32_768 + (n % 28_000) };
  const remoteDesktop: ShownFlow = {
    protocol: 'tcp',
    desktopPort: 5901,
    peerAddress: user.address,
    peerPort: user.port,
  };
  // Every second one is at rest: its rank is low, and the loop remembers since when.
  const atRest = n % 2 === 1;
  const some = (most: number) => Math.floor(random() * (atRest ? most / 10_000 : most));
  const sums = () => ({
    bytesIn: some(90_000),
    packetsIn: some(900),
    bytesOut: some(3_000_000),
    packetsOut: some(3_000),
  });
  const others = Array.from({ length: 5 }, (_, k): ShownFlow & ReturnType<typeof sums> => ({
    protocol: k === 4 ? 'udp' : 'tcp',
    desktopPort: 40_000 + Math.floor(random() * 20_000),
    peerAddress: address(20 + k, Math.floor(random() * 16_000_000)),
    peerPort: k === 4 ? 3478 : 443,
    ...sums(),
  }));
  return {
    desktop: nameOf(n),
    startMs: atMs - 30_000,
    endMs: atMs,
    flows: [{ ...remoteDesktop, ...sums() }, ...others],
    rest: { ...sums(), flows: 12 },
    remoteDesktop: { ...remoteDesktop, foundBy: 'port' },
    user,
    rttMs,
    ...(atRest ? {} : { cycles: sample(random, n, atMs, rttMs, remoteDesktop) }),
  };
}

const nameOf = (n: number) => `desktop-${String(n).padStart(5, '0')}`;

/** What one host says in one cycle, ranked by its own `keeper` from windows of real sizes. */
export function reportOf(
  shape: PoolShape,
  host: HostRef,
  index: number,
  keeper: FingerprintKeeper,
): HostReport {
  const atMs = Date.now();
  const hosts = shape.sites * shape.hostsPerSite;
  const mine = Array.from({ length: Math.ceil(shape.desktops / hosts) }, (_, k) => k * hosts + index).filter(
    (n) => n < shape.desktops,
  );
  const ids = mine.map((n) => DesktopId.parse(nameOf(n)));
  const perHost = mine.length + 5;
  const random = randomFrom(1 + index);
  const place = Number(host.site.slice(5));
  const rttTo = (n: number, s: number) => rounded(4 + ((n * 31 + s * 17) % 180) + random(), 3);
  const mbps = (most: number) => rounded(random() * most);
  return {
    host,
    atMs,
    capacity: { slots: perHost, vcpus: 4 * perHost, memoryMiB: 8_192 * perHost, diskMiB: 81_920 * perHost },
    used: {
      slots: mine.length,
      vcpus: 2 * mine.length,
      memoryMiB: 4_096 * mine.length,
      diskMiB: 40_960 * mine.length,
    },
    desktops: mine.map((n, k) => ({
      definition: DesktopDefinition.parse({
        id: ids[k],
        vcpus: 2,
        memoryMiB: 4_096,
        diskMiB: 40_960,
        network: {
          address: address(10, 4 * n + 2),
          gateway: address(10, 4 * n + 1),
          mac: `52:54:0a:${[n >> 16, n >> 8, n].map((b) => (b & 255).toString(16).padStart(2, '0')).join(':')}`,
        },
      }),
      state: 'running' as const,
      problem: null,
      epoch: 3,
      external: address(198, n),
      dirty: { memoryMbps: mbps(400), diskMbps: mbps(40) },
      diskUsedBytes: 20_000_000_000 + Math.floor(random() * 1e10),
    })),
    fingerprints: keeper.rank(
      mine.map((n) => windowOf(random, n, atMs, rttTo(n, place))),
      new Set(ids),
      () => undefined,
    ),
    users: mine.map((n, k) => ({
      desktop: ids[k] as DesktopId,
      client: 'MCowBQYDK2VwAyEAa7bsGhGxQ8xQmPz3m1bVxk2fXzTqKJ0F'.slice(0, 44),
      seenAs: { address: address(100, n + 7), port: 32_768 + (n % 28_000) },
      rtts: Array.from({ length: shape.rttsEach }, (_, r) => {
        const s = (place + r) % shape.sites;
        return { site: siteId(s), rttMs: rttTo(n, s), ageMs: Math.floor(random() * 9_000) };
      }),
    })),
  };
}
