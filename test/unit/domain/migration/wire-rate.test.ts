import { WireRate } from '../../../../domain/migration/wire-rate.js';

describe('WireRate', () => {
  it('tells bytes a second from one second to the next, and nothing before', () => {
    const rate = new WireRate();
    expect(rate.at(0, 1_000)).toBe(0);
    expect(rate.at(1_000, 3_000)).toBe(2_000);
    expect(rate.at(3_000, 4_000)).toBe(500);
  });

  it('does not take looks in quick succession for a rate', () => {
    const rate = new WireRate();
    rate.at(0, 0);
    expect(rate.at(1_000, 1_000)).toBe(1_000);
    expect(rate.at(1_250, 9_000)).toBe(1_000);
    expect(rate.at(2_000, 9_000)).toBe(8_000);
  });

  it('knows nothing where the bytes are not known', () => {
    const rate = new WireRate();
    rate.at(0, 0);
    expect(rate.at(1_000, null)).toBe(0);
  });
});
