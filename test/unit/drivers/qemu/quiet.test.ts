import { ageMs } from '../../../../drivers/qemu/process/quiet.js';

it('tells the age of a process by its start and the time since the boot', () => {
  expect(ageMs('10000', '160.25 300.00')).toBe(60_250);
  expect(ageMs('20000', '160.25 300.00')).toBe(0);
});
