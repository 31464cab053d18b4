import fc from 'fast-check';
import {
  baselineOf,
  cpuClasses,
  cpuProblem,
  loweredBaseline,
  missingFlags,
  type HostCpu,
} from '../../../../domain/model/cpu.js';

const cpu = (model: string, flags: string, models: Record<string, number>): HostCpu => ({
  model,
  flags: flags.split(' '),
  models,
});
const OLD = cpu('Xeon E5-2650 v2', 'aes avx sse4-2', { IvyBridge: 60, Westmere: 50, qemu64: 20 });
const NEW = cpu('Xeon Gold 6338', 'aes avx avx2 avx512f sse4-2', {
  'Icelake-Server': 110,
  IvyBridge: 60,
  Westmere: 50,
  qemu64: 20,
});
/** As OLD, but its firmware hides AES. */
const CRIPPLED = cpu('Xeon E5-2650 v2', 'avx sse4-2', { qemu64: 20 });
const AMD = cpu('EPYC 7302', 'aes avx avx2 sse4-2', { EPYC: 90, qemu64: 20 });

describe('the baseline of a pool', () => {
  it.each<[string, HostCpu[], string | null]>([
    ['of one host is its largest model', [NEW], 'Icelake-Server'],
    ['is the largest that all have', [NEW, OLD], 'IvyBridge'],
    ['is lowered by a host that lacks a flag', [NEW, OLD, CRIPPLED], 'qemu64'],
    ['goes across makers', [NEW, AMD], 'qemu64'],
    ['of nobody is none', [], null],
    ['of hosts without a common one is none', [OLD, cpu('x', 'a', { other: 1 })], null],
    ['of equals is the first by name', [cpu('x', 'a', { b: 5, a: 5 })], 'a'],
  ])('%s', (_, hosts, model) => {
    expect(baselineOf(hosts)).toBe(model);
    expect(baselineOf(hosts.toReversed())).toBe(model);
  });
});

it.each<[string, HostCpu[], HostCpu, RegExp | null]>([
  ['a host with less', [NEW, NEW], OLD, /\(Xeon E5-2650 v2\) lowers .* from Icelake-Server to IvyBridge/],
  ['a host with nothing in common', [NEW], cpu('x', 'a', {}), /to nothing in common/],
  ['a host with more', [OLD], NEW, null],
  ['a host as the others', [OLD, NEW], OLD, null],
  ['the first host', [], OLD, null],
])('of %s that joins a pool it is said whether it lowers the baseline', (_, others, joining, words) => {
  const said = loweredBaseline(others, joining);
  if (words === null) expect(said).toBeNull();
  else expect(said).toMatch(words);
});

describe('a desktop that is to go to another host', () => {
  it.each<[string, string | undefined, HostCpu, HostCpu, RegExp | null]>([
    ['with all of a CPU goes to its like', undefined, OLD, OLD, null],
    ['with all of a CPU goes to its like', 'host', OLD, OLD, null],
    [
      'with all of a CPU does not go to another one',
      'host',
      OLD,
      NEW,
      /CPU model is Xeon Gold.*`cpu: IvyBridge` could go to both/,
    ],
    ['is told what is missing there', undefined, NEW, OLD, /lacks avx2, avx512f;.*IvyBridge/],
    ['does not go where firmware hides a flag', undefined, OLD, CRIPPLED, /^its CPU lacks aes/],
    ['goes where firmware shows more', undefined, CRIPPLED, OLD, null],
    ['with a model goes wherever it exists', 'IvyBridge', NEW, OLD, null],
    [
      'with a model does not go where it does not',
      'Icelake-Server',
      NEW,
      OLD,
      /cannot give the CPU Icelake-Server; .*avx2, avx512f/,
    ],
  ])('%s (%s)', (_, wish, source, target, message) => {
    const problem = cpuProblem(wish, source, target);
    if (message === null) expect(problem).toBeNull();
    else expect(problem).toMatch(message);
  });

  it('hears of twelve flags, and how many more', () => {
    const many = cpu('x', Array.from({ length: 20 }, (_, i) => `f${String(i)}`).join(' '), {});
    expect(missingFlags(many, OLD)).toHaveLength(20);
    expect(cpuProblem(undefined, many, { ...OLD, model: 'x' })).toMatch(/and 8 more, which/);
  });
});

describe('the classes of a plan', () => {
  const desktops = [
    { id: 'a', at: 'west/new', cpu: undefined },
    { id: 'b', at: 'west/new', cpu: 'IvyBridge' },
    { id: 'c', at: 'east/old', cpu: 'host' },
  ];
  const classes = (hosts: Record<string, HostCpu | undefined>) =>
    cpuClasses(new Map(Object.entries(hosts)), desktops);

  it('are none where every host can take every desktop', () => {
    const { required, provided } = classes({ 'west/new': OLD, 'east/old': OLD });
    expect([...required]).toEqual([]);
    expect([...provided.values()]).toEqual([[], []]);
  });

  it('keep desktops from hosts that cannot take them, and only those', () => {
    const { required, provided } = classes({ 'west/new': NEW, 'east/old': OLD, 'north/new': NEW });
    const may = (id: string) =>
      [...provided]
        .filter(([, names]) => !required.has(id) || names.includes(required.get(id)!))
        .map(([key]) => key);
    expect(may('a')).toEqual(['west/new', 'north/new']);
    expect(may('b')).toEqual(['west/new', 'east/old', 'north/new']);
    expect(may('c')).toEqual(['east/old']);
  });

  it('keep nobody from a host that does not say what it has', () => {
    const { required, provided } = classes({ 'west/new': NEW, 'east/old': undefined });
    expect([...required]).toEqual([]);
    expect(provided.get('east/old')).toEqual([]);
  });

  it('say what the comparison of two hosts says', () => {
    const host = fc.constantFrom(OLD, NEW, CRIPPLED, AMD);
    fc.assert(
      fc.property(
        fc.array(host, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(undefined, 'host', 'IvyBridge', 'qemu64'),
        (list, wish) => {
          const hosts = new Map(list.map((h, i) => [`s/h${String(i)}`, h]));
          const all = list.map((_, i) => ({ id: `d${String(i)}`, at: `s/h${String(i)}`, cpu: wish }));
          const { required, provided } = cpuClasses(hosts, all);
          list.forEach((source, i) =>
            list.forEach((target, j) => {
              const name = required.get(`d${String(i)}`);
              const allowed = name === undefined || provided.get(`s/h${String(j)}`)!.includes(name);
              expect(allowed).toBe(cpuProblem(wish, source, target) === null);
            }),
          );
        },
      ),
    );
  });
});
