import { isOlder } from '../../../../activities/host/target.js';

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
