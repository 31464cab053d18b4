import { hypervisorClasses, unlikeHosts } from '../../../../domain/model/hypervisors.js';

const MIXED = new Map<string, string | undefined>([
  ['west/q1', 'qemu-kvm'],
  ['west/x1', 'xen'],
  ['east/q1', 'qemu-kvm'],
  ['east/x1', 'xen'],
  ['east/old', undefined],
]);

describe('the hypervisors of a plan', () => {
  it('keep desktops from hosts of another kind, and from nobody who does not say', () => {
    const { required, provided } = hypervisorClasses(MIXED, [
      { id: 'a', at: 'west/q1' },
      { id: 'b', at: 'west/x1' },
      { id: 'c', at: 'east/old' },
    ]);
    const may = (id: string) =>
      [...provided]
        .filter(([, names]) => !required.has(id) || names.includes(required.get(id)!))
        .map(([key]) => key);
    expect(may('a')).toEqual(['west/q1', 'east/q1', 'east/old']);
    expect(may('b')).toEqual(['west/x1', 'east/x1', 'east/old']);
    expect(may('c')).toEqual([...MIXED.keys()]);
  });

  it('are none where all are alike', () => {
    const alike = new Map([...MIXED].filter(([, kind]) => kind !== 'xen'));
    expect([...hypervisorClasses(alike, [{ id: 'a', at: 'west/q1' }]).required]).toEqual([]);
  });
});

describe('a pool whose hosts are not alike', () => {
  it('is told which are', () => {
    expect(unlikeHosts(MIXED)).toBe(
      'moves are planned only between hosts of one hypervisor: qemu-kvm at east/q1, west/q1; xen at east/x1, west/x1',
    );
  });

  it('is told of many only some', () => {
    const many = Array.from({ length: 5 }, (_, i) => [`s/h${String(i)}`, 'xen'] as const);
    expect(unlikeHosts(new Map([...many, ['s/q', 'qemu-tcg']]))).toMatch(
      /qemu-tcg at s\/q; xen at s\/h0, s\/h1, s\/h2, \.\.\. \(5\)$/,
    );
  });

  it('is no line where they are, as far as they say', () => {
    for (const hosts of [[], ['xen', 'xen', undefined], [undefined]])
      expect(unlikeHosts(new Map(hosts.map((kind, i) => [String(i), kind])))).toBeNull();
  });
});
