// What a move does to a guest's clock, on real QEMU with Debian's qemu-guest-agent in the guest: the pause is lost, move by move, until
// the agent is asked to set the clock.
import { smallGuest } from '../../lab/images/locate.js';
import type { MoveKey } from '../../ports/hypervisor.js';
import { moveDesktop } from '../compliance/move-steps.js';
import type { RemoteHost } from '../system/qemu/remote-host.js';
import { ends, smallDesktopWithAgent, TAP, TwoHosts } from '../system/qemu/two-hosts.js';

const definition = smallDesktopWithAgent('clock', { 'vms.dirty': '1000:8' });
const { id } = definition;
const BOOT_MS = 300_000;
const MOVES_MS = 300_000;
/** A guest begins with the hardware's clock, which counts whole seconds; then its own and the host's keep together. */
const SAME_MS = 50;

let world: TwoHosts;
beforeAll(async () => {
  world = await TwoHosts.make();
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(id);
  await world.guest(world.a, 'status', BOOT_MS);
}, BOOT_MS);
afterAll(() => world.remove());

/** By how much the guest's clock is behind this machine's, ms, and how far that may be off. */
async function behind(host: RemoteHost): Promise<{ ms: number; error: number }> {
  let best = { ms: 0, error: Number.POSITIVE_INFINITY };
  // The quickest answer of some tells best.
  for (let i = 0; i < 10; i++) {
    const askedAtMs = Date.now();
    const { clockMs } = await world.guest(host);
    const now = Date.now();
    const error = (now - askedAtMs) / 2;
    if (error < best.error) best = { ms: (askedAtMs + now) / 2 - clockMs, error };
  }
  return best;
}

async function setClock(host: RemoteHost): Promise<number> {
  for (;;) {
    const behindMs = await host.driver.setClock(id);
    if (behindMs !== null) return behindMs;
  }
}

it(
  'falls behind by the pause of each move, and is right again when the agent has set it',
  async () => {
    await setClock(world.a);
    const begin = await behind(world.a);
    expect(Math.abs(begin.ms)).toBeLessThanOrEqual(SAME_MS + begin.error);
    const both = { a: world.a, b: world.b };
    let lostMs = 0;
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const move: MoveKey = { desktop: id, moveId: `to-${to}` };
      const { pauseMs, result } = await moveDesktop(ends(both[from], both[to], definition), move);
      const now = await behind(both[to]);
      const more = now.ms - begin.ms - lostMs;
      process.stderr.write(
        `pause ${String(pauseMs)} ms, downtime ${String(result.downtimeMs)} ms, behind by ${String(more)} more, +- ${String(now.error + begin.error)}\n`,
      );
      // The guest stops before the pause is heard of, and runs before it is known that it does.
      const slack = SAME_MS + now.error + begin.error;
      expect(more).toBeGreaterThan(0);
      expect(more).toBeLessThanOrEqual(pauseMs + slack);
      lostMs += more;
      await both[from].driver.removeRetired(move);
    }
    const told = await setClock(world.a);
    const end = await behind(world.a);
    process.stderr.write(
      `told ${String(told)}, was ${String(lostMs)}, is ${String(end.ms)} +- ${String(end.error)}\n`,
    );
    expect(Math.abs(end.ms)).toBeLessThanOrEqual(SAME_MS + end.error);
    expect(await world.a.driver.addresses(id)).toContain(definition.network.address);
  },
  MOVES_MS,
);
