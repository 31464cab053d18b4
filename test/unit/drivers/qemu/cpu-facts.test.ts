// What QEMU says of processors, as it prints it.
import { flagsOf, usableModels } from '../../../../drivers/qemu/process/cpu-facts.js';

it('takes each flag once, however it is written, and no settings for flags', () => {
  const props = {
    'sse4.1': true,
    'sse4-1': true,
    sse4_1: true,
    aes: true,
    avx512f: false,
    family: 6,
    check: true,
    'x-migrate-smi-count': true,
    'hv-vapic': true,
    kvm: true,
    vendor: 'GenuineIntel',
  };
  expect(flagsOf({ model: { name: 'host', props } })).toEqual(['aes', 'sse4-1']);
  expect(flagsOf(undefined)).toEqual([]);
});

it('takes models that the host has whole, and none that mean all or nothing', () => {
  const of = (name: string, ...lacks: string[]) => ({ name, 'unavailable-features': lacks, typename: 'x' });
  expect(
    usableModels([
      of('max'),
      of('host'),
      of('base'),
      of('Westmere'),
      of('Westmere-v1'),
      of('EPYC', 'sha-ni'),
      { name: 'qemu64' },
    ]),
  ).toEqual(['Westmere', 'qemu64']);
});
