import { WireShare } from '../../../../drivers/qemu/source/wire-share.js';

const MB = 1e6;

describe('what of the pages crosses the wire', () => {
  it('is all of them until a later round has told', () => {
    const share = new WireShare();
    share.read(1, { guestBytes: 500 * MB, wireBytes: 5 * MB });
    share.read(2, { guestBytes: 500 * MB, wireBytes: 5 * MB });
    share.read(2, { guestBytes: 500.5 * MB, wireBytes: 5 * MB });
    expect(share.share).toBe(1);
  });

  it('is learnt from the pages that are sent again, the latest ones', () => {
    const share = new WireShare();
    share.read(2, { guestBytes: 0, wireBytes: 0 });
    share.read(2, { guestBytes: 10 * MB, wireBytes: 2 * MB });
    expect(share.share).toBeCloseTo(0.2);
    share.read(3, { guestBytes: 100 * MB, wireBytes: 20 * MB });
    share.read(4, { guestBytes: 110 * MB, wireBytes: 26 * MB });
    expect(share.share).toBeCloseTo(0.6);
  });

  it('is never nothing, and never more than all', () => {
    const share = new WireShare();
    share.read(2, { guestBytes: 0, wireBytes: 0 });
    share.read(2, { guestBytes: 10 * MB, wireBytes: 0 });
    expect(share.share).toBeGreaterThan(0);
    share.read(2, { guestBytes: 20 * MB, wireBytes: 40 * MB });
    expect(share.share).toBe(1);
  });
});
