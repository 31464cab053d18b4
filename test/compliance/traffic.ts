// What ports/traffic.ts promises, as claims about any way to watch the traffic of a host's desktops.
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import type { DesktopState } from '../../domain/model/desktop.js';
import { SamplingPolicy } from '../../domain/model/policy.js';
import type { DesktopRuntime } from '../../ports/hypervisor.js';
import type { TrafficSource } from '../../ports/traffic.js';
import { fakeDesktop } from '../../lab/fakes/fake-host.js';

/** A host with the desktop `d1`, whose traffic can be made, and `d2`; it owns them, but no `foreign`. */
export interface TrafficWorld {
  readonly traffic: TrafficSource;
  /** Let d1 send so many UDP packets of 10 bytes to 192.0.2.77:9; they are counted when it returns. */
  send(packets: number): Promise<void>;
  remove(): Promise<void>;
}

const TEST_MS = 30_000;
const policy = SamplingPolicy.parse({});

/** `d1` has the address of the world's guest, the others have their own. */
function desktop(id: string, state: DesktopState = 'running'): DesktopRuntime {
  const { network, ...definition } = fakeDesktop(id);
  const address = id === 'd1' ? network.address : id === 'd2' ? '10.77.0.6' : '10.77.0.10';
  return {
    definition: { ...definition, network: { ...network, address } },
    state,
    wanted: 'running',
    pid: null,
    diskUsedBytes: 0,
    memoryUsedBytes: 0,
  };
}

const names = (windows: readonly TrafficWindow[]) => windows.map((w) => w.desktop).sort();
const packetsOut = (windows: readonly TrafficWindow[]) =>
  windows
    .filter((w) => w.desktop === 'd1')
    .flatMap((w) => w.flows)
    .reduce((sum, f) => sum + f.packetsOut, 0);

/** Claim of a driver what the port promises; `make` gives a fresh world. */
export function describeTraffic(name: string, make: () => Promise<TrafficWorld>): void {
  let world: TrafficWorld;
  const claim = (title: string, test: () => Promise<void>) => it(title, test, TEST_MS);
  const collect = (...desktops: DesktopRuntime[]) => world.traffic.collect(policy, desktops);

  describe(name, () => {
    beforeAll(async () => {
      world = await make();
    }, TEST_MS);
    afterAll(() => world.remove(), TEST_MS);

    claim(
      'reports the desktops that it is given, if they have a process and belong to this host',
      async () => {
        expect(await collect()).toEqual([]);
        const states: DesktopState[] = ['running', 'paused', 'incoming', 'postmigrate'];
        for (const state of states) expect(names(await collect(desktop('d1', state)))).toEqual(['d1']);
        for (const state of ['stopped', 'crashed'] as const)
          expect(names(await collect(desktop('d1', state), desktop('d2')))).toEqual(['d2']);
        expect(names(await collect(desktop('d1'), desktop('foreign'), desktop('d2')))).toEqual(['d1', 'd2']);
      },
    );

    claim('counts what a desktop sends once, in windows without a gap', async () => {
      const [before] = await collect(desktop('d1'));
      expect(before!.endMs).toBeGreaterThanOrEqual(before!.startMs);
      await world.send(25);
      const windows = await collect(desktop('d1'));
      expect(packetsOut(windows)).toBe(25);
      expect(windows[0]!.startMs).toBe(before!.endMs);
      expect(windows[0]!.flows).toMatchObject([
        {
          protocol: 'udp',
          peerAddress: '192.0.2.77',
          peerPort: 9,
          bytesOut: 25 * 38,
          bytesIn: 0,
          packetsIn: 0,
        },
      ]);
      expect(packetsOut(await collect(desktop('d1')))).toBe(0);
      await world.send(5);
      expect(packetsOut(await collect(desktop('d1')))).toBe(5);
    });

    claim('counts each desktop by itself', async () => {
      await collect(desktop('d1'), desktop('d2'));
      await world.send(7);
      const windows = await collect(desktop('d1'), desktop('d2'));
      expect(packetsOut(windows)).toBe(7);
      expect(windows.find((w) => w.desktop === 'd2')?.flows).toEqual([]);
    });

    claim('counts nothing of a desktop while it is not given, and begins anew when it is again', async () => {
      await collect(desktop('d1'));
      expect(await collect(desktop('d2'))).toHaveLength(1);
      await world.send(11);
      expect(packetsOut(await collect(desktop('d1')))).toBe(0);
      await world.send(3);
      expect(packetsOut(await collect(desktop('d1')))).toBe(3);
    });
  });
}
