import { DirtyRateKeeper } from '../../../../activities/host/dirty-rate-keeper.js';
import type { Hypervisor } from '../../../../ports/hypervisor.js';
import type { DirtyRates } from '../../../../domain/migration/dirty-rates.js';
import { DesktopId } from '../../../../domain/model/ids.js';

describe('the dirty rates that a host keeps', () => {
  const office = DesktopId.parse('office');
  const measuring = (...memory: (number | null)[]) => {
    const rates = memory.map((memoryMbps): DirtyRates => ({ memoryMbps, diskMbps: 0 }));
    return { dirtyRates: async () => rates.shift()! } as unknown as Hypervisor;
  };

  it('are averages, which a measurement that failed leaves as they are', async () => {
    const keeper = new DirtyRateKeeper();
    const hypervisor = measuring(10, 90, null, 10);
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      await keeper.measure(hypervisor, office);
      seen.push(keeper.known(office).memoryMbps);
    }
    expect(seen).toEqual([10, 50, 50, 30]);
  });

  it('are forgotten with the desktop', async () => {
    const keeper = new DirtyRateKeeper();
    await keeper.measure(measuring(10), office);
    keeper.keepOnly(new Set([office]));
    expect(keeper.known(office).memoryMbps).toBe(10);
    keeper.keepOnly(new Set());
    expect(keeper.known(office)).toEqual({ memoryMbps: null, diskMbps: null });
  });
});
