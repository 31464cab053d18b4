// What ports/uplink.ts promises, as claims about any driver.
import type { LinkCap } from '../../ports/uplink.js';

/** A host's uplink with nothing capped. */
export interface UplinkWorld {
  readonly linkCap: LinkCap;
  /** Two hosts towards which there is a way. */
  readonly peers: readonly [string, string];
  /** What the traffic to this port is held to on the wire, megabits a second; null: it goes as it likes. */
  rateOf(peer: string, port: number): Promise<number | null>;
  /** How many caps there are on the wire: ports that share one count once. */
  count(): Promise<number>;
  /** Everything that the driver keeps for the uplink beside the caps, in words: rules of the kernel, files. */
  kept(): Promise<string[]>;
  /** Let another process take over. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

const TEST_MS = 30_000;
const [DISK, MEMORY] = [15_901, 15_902];

/** Claim of a driver what the port promises; `make` gives a fresh world. */
export function describeUplink(name: string, make: () => Promise<UplinkWorld>): void {
  let world: UplinkWorld;
  const claim = (title: string, test: () => Promise<void>) => it(title, test, TEST_MS);

  describe(name, () => {
    beforeAll(async () => {
      world = await make();
    }, TEST_MS);
    afterAll(() => world.remove(), TEST_MS);
    // A claim that does not hold must not take the next ones with it.
    afterEach(async () => {
      for (const move of ['m1', 'm2', 'm3']) await world.linkCap.uncap(move);
    }, TEST_MS);

    claim('caps nothing by itself, and has nothing to take away', async () => {
      const [peer] = world.peers;
      expect(await world.rateOf(peer, DISK)).toBeNull();
      await world.linkCap.uncap('unknown');
      expect(await world.kept()).toEqual([]);
    });

    claim('holds all ports of a move together, at the rate that was said last', async () => {
      const [peer, other] = world.peers;
      await world.linkCap.cap('m1', peer, DISK, 20);
      expect(await world.rateOf(peer, DISK)).toBe(20);
      await world.linkCap.cap('m1', peer, DISK, 20);
      await world.linkCap.cap('m1', peer, MEMORY, 30);
      expect([await world.rateOf(peer, DISK), await world.rateOf(peer, MEMORY)]).toEqual([30, 30]);
      expect(await world.count()).toBe(1);
      expect(await world.rateOf(other, DISK)).toBeNull();
      expect(await world.rateOf(peer, MEMORY + 1)).toBeNull();
      await world.linkCap.uncap('m1');
      expect(await world.kept()).toEqual([]);
    });

    claim('holds each move by itself, and leaves nothing when the last one is let go', async () => {
      const [peer, other] = world.peers;
      await world.linkCap.cap('m1', peer, DISK, 20);
      await world.linkCap.cap('m2', other, DISK, 40);
      await world.linkCap.cap('m3', peer, MEMORY, 60);
      expect(await world.count()).toBe(3);
      expect((await world.linkCap.capped()).sort()).toEqual(['m1', 'm2', 'm3']);
      await world.linkCap.uncap('m1');
      await world.linkCap.uncap('m1');
      expect(await world.rateOf(peer, DISK)).toBeNull();
      expect(await world.rateOf(other, DISK)).toBe(40);
      expect(await world.rateOf(peer, MEMORY)).toBe(60);
      await world.linkCap.uncap('m2');
      await world.linkCap.uncap('m3');
      expect(await world.count()).toBe(0);
      expect(await world.linkCap.capped()).toEqual([]);
      expect(await world.kept()).toEqual([]);
    });

    claim('is taken away, or changed, by a process that has not made it', async () => {
      const [peer] = world.peers;
      await world.linkCap.cap('m1', peer, DISK, 20);
      await world.linkCap.cap('m1', peer, MEMORY, 20);
      await world.restart();
      await world.linkCap.cap('m1', peer, DISK, 25);
      expect([await world.rateOf(peer, DISK), await world.rateOf(peer, MEMORY)]).toEqual([25, 25]);
      await world.restart();
      await world.linkCap.uncap('m1');
      expect(await world.kept()).toEqual([]);
    });

    claim('goes with its port to the next move there: the one before takes nothing of it away', async () => {
      const [peer] = world.peers;
      await world.linkCap.cap('m1', peer, DISK, 20);
      await world.linkCap.cap('m1', peer, MEMORY, 20);
      await world.linkCap.cap('m2', peer, DISK, 40);
      expect(await world.rateOf(peer, DISK)).toBe(40);
      await world.linkCap.uncap('m1');
      expect([await world.rateOf(peer, DISK), await world.rateOf(peer, MEMORY)]).toEqual([40, null]);
      await world.linkCap.uncap('m2');
      expect(await world.kept()).toEqual([]);
    });

    claim('refuses what is no rate, address or port, and stays as it was', async () => {
      const [peer] = world.peers;
      await world.linkCap.cap('m1', peer, DISK, 20);
      for (const call of [
        world.linkCap.cap('m1', peer, DISK, 0),
        world.linkCap.cap('m1', 'nowhere', DISK, 20),
        world.linkCap.cap('m1', peer, 70_000, 20),
      ])
        await expect(call).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect(await world.rateOf(peer, DISK)).toBe(20);
      await world.linkCap.uncap('m1');
      expect(await world.kept()).toEqual([]);
    });
  });
}
