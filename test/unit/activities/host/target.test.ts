import { isOlder, targetActivities } from '../../../../activities/host/target.js';
import type { HostCpu } from '../../../../domain/model/cpu.js';
import { HostRef, MoveId } from '../../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop } from '../../../../lab/fakes/fake-host.js';

describe('isOlder', () => {
  it.each([
    ['9.2.4', '10.0.2', true],
    ['10.0.2', '9.2.4', false],
    ['10.0.2', '10.0.10', true],
    ['10.0.2', '10.0.2', false],
    ['7.2.15+ds', '7.2.15', false],
    ['7.2.15', '7.2.15+ds', false],
    ['7.2.14+ds', '7.2.15', true],
    ['4.17', '4.17.1', true],
    ['unknown', '10.0.2', null],
  ])('says of %s before %s: %j', (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });
});

describe('a target, of processors', () => {
  const cpu = (flags: string[], models: string[]): HostCpu => ({
    model: 'Xeon',
    flags,
    models: Object.fromEntries(models.map((m, i) => [m, 100 - i])),
  });
  const ALL = cpu(['aes', 'avx2'], ['Haswell', 'Westmere']);

  it.each<[string, string | undefined, HostCpu | undefined, HostCpu | undefined, RegExp | null]>([
    ['takes a desktop from its like', undefined, ALL, ALL, null],
    ['names what it lacks', undefined, ALL, cpu(['aes'], ['Westmere']), /its CPU lacks avx2/],
    ['takes a model that it has', 'Westmere', ALL, cpu(['aes'], ['Westmere']), null],
    [
      'names a model that it has not',
      'Haswell',
      ALL,
      cpu(['aes'], ['Westmere']),
      /cannot give the CPU Haswell; .*avx2/,
    ],
    ['goes by the name alone where the source does not say more', undefined, undefined, ALL, null],
    ['goes by the name alone where it cannot say more itself', undefined, ALL, undefined, null],
  ])('%s', async (_, wish, source, mine, message) => {
    const cloud = new FakeCloud();
    try {
      const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
      const west = HostRef.parse({ site: 'us-west', host: 'h1' });
      const host = await cloud.add(HostRef.parse({ site: 'us-east', host: 'h1' }), capacity, '198.51.100.10');
      host.machine.cpu = mine;
      const definition = { ...fakeDesktop('d1'), ...(wish === undefined ? {} : { cpu: wish }) };
      const reserve = targetActivities(host.context).reserveTarget({
        moveId: MoveId.parse('d1-1'),
        definition,
        from: west,
        epoch: 2,
        source: { driver: 'fake', version: '1.0', machines: [], cpuModel: 'max', cpu: source },
      });
      if (message === null) await reserve;
      else await expect(reserve).rejects.toThrow(message);
    } finally {
      await cloud.remove();
    }
  });
});
