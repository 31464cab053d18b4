import { ageMs } from '../../../../drivers/qemu/process/quiet.js';

it('reads the age of a process whatever its name is', () => {
  const fields = (name: string, started: number) =>
    `42 (${name}) S ${Array.from({ length: 18 }, () => '0').join(' ')} ${String(started)} 1 2 3`;
  expect(ageMs(fields('qemu-system-x86', 10_000), '160.25 300.00')).toBe(60_250);
  expect(ageMs(fields('a) S (b', 10_000), '160.25 300.00')).toBe(60_250);
  expect(ageMs(fields('qemu', 20_000), '160.25 300.00')).toBe(0);
});
