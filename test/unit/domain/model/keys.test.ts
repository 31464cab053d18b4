import { PublicKey } from '../../../../domain/model/keys.js';

const fits = (text: string) => PublicKey.safeParse(text).success;

describe('PublicKey', () => {
  it('takes exactly what 32 bytes are in base64', () => {
    for (let seed = 0; seed < 256; seed++) {
      const bytes = Buffer.from(Array.from({ length: 32 }, (_, i) => (seed * (i + 1)) % 256));
      expect(fits(bytes.toString('base64'))).toBe(true);
    }
  });

  it.each([
    ['too few bytes', Buffer.alloc(31, 1).toString('base64')],
    ['too many bytes', Buffer.alloc(33, 1).toString('base64')],
    ['another alphabet', Buffer.alloc(32, 255).toString('base64url')],
    ['bits beyond the last byte', `${'A'.repeat(42)}B=`],
    ['a path', '../../etc/passwd'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(fits(text)).toBe(false);
  });
});
