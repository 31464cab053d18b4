import { admit } from '../../../../domain/migration/admission.js';
import { chooseHost } from '../../../../domain/migration/choose-host.js';
import { allocateInternal } from '../../../../domain/model/internal-address.js';
import { HostRef } from '../../../../domain/model/ids.js';

const host = (site: string, h = 'h1') => HostRef.parse({ site, host: h });
const move = (from: string, to: string) => ({ from: host(from), to: host(to) });

describe('admit', () => {
  it('counts both ends of a move against the limit of a host', () => {
    const { admitted, waiting } = admit([move('a', 'b'), move('b', 'c'), move('c', 'd')], [], {
      movesInAll: 9,
      movesPerHost: 1,
      moveMbps: 60,
    });
    expect(admitted).toEqual([move('a', 'b'), move('c', 'd')]);
    expect(waiting.map((w) => w.reason)).toEqual(['b/h1 has 1 under way, its limit']);
  });

  it('counts moves under way against the limit in all', () => {
    const wanted = move('a', 'b');
    const limits = { movesInAll: 2, movesPerHost: 4, moveMbps: 60 };
    expect(admit([wanted], [move('x', 'y'), move('z', 'w')], limits)).toEqual({
      admitted: [],
      waiting: [{ move: wanted, reason: '2 moves are under way, the limit is 2' }],
    });
  });

  it('counts what it admits against the limit in all', () => {
    const wanted = [move('a', 'b'), move('c', 'd'), move('e', 'f')];
    const { admitted } = admit(wanted, [], { movesInAll: 2, movesPerHost: 4, moveMbps: 60 });
    expect(admitted).toEqual(wanted.slice(0, 2));
  });
});

describe('chooseHost', () => {
  const room = (h: string, usedSlots: number) => ({
    host: host('a', h),
    capacity: { slots: 4, vcpus: 4, memoryMiB: 1000, diskMiB: 1000 },
    used: { slots: usedSlots, vcpus: usedSlots, memoryMiB: usedSlots * 100, diskMiB: 0 },
  });
  const needs = { vcpus: 1, memoryMiB: 700, diskMiB: 10 };

  it('takes the emptiest host that fits', () => {
    expect(chooseHost([room('h1', 2), room('h2', 1)], needs)).toEqual({ host: host('a', 'h2') });
  });

  it('says what each host lacks when none fits', () => {
    expect(chooseHost([room('h1', 4)], needs)).toEqual({
      lacking: [
        'a/h1: 1 slots wanted, 0 of 4 free; 1 vCPUs wanted, 0 of 4 free; 700 MiB of memory wanted, 600 of 1000 free',
      ],
    });
  });
});

describe('allocateInternal', () => {
  it('gives each desktop a /30 of its own with its gateway', () => {
    expect(allocateInternal('10.77.0.0/16', ['10.77.0.2'])).toEqual({
      address: '10.77.0.6',
      gateway: '10.77.0.5',
      mac: '52:54:0a:4d:00:06',
    });
  });

  it('refuses when the range is full', () => {
    expect(() => allocateInternal('10.77.0.0/30', ['10.77.0.2'])).toThrow(
      expect.objectContaining({ code: 'NO_CAPACITY' }),
    );
  });
});
