import {
  addressAt,
  canonicalAddress,
  Cidr,
  cidrBounds,
  Ipv4,
  ipv4ToNumber,
  isPrivateAddress,
  numberToIpv4,
} from '../../../../domain/model/address.js';

describe('an IPv4 address', () => {
  it.each(['0.0.0.0', '198.51.100.10', '255.255.255.255'])('is %s', (address) => {
    expect(Ipv4.safeParse(address).success).toBe(true);
    expect(numberToIpv4(ipv4ToNumber(address))).toBe(address);
  });

  it.each(['', '1', '1.2.3', '1.2.3.256', '01.2.3.4', '0x7f.0.0.1', '1.2.3.4 ', '::1', '1.2.3.4/32'])(
    'is not %j, which other programs would read in other ways',
    (address) => {
      expect(Ipv4.safeParse(address).success).toBe(false);
    },
  );
});

describe('an IPv4 range', () => {
  it.each([
    ['10.77.0.0/16', '10.77.0.0', '10.77.255.255'],
    ['10.77.3.9/16', '10.77.0.0', '10.77.255.255'],
    ['198.51.100.7/32', '198.51.100.7', '198.51.100.7'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
  ])('goes, if it is %s, from %s to %s', (range, first, last) => {
    expect(Cidr.safeParse(range).success).toBe(true);
    expect(cidrBounds(range)).toEqual({ first: ipv4ToNumber(first), last: ipv4ToNumber(last) });
  });

  it.each(['10.77.0.0', '10.77.0.0/33', '10.77.0.0/', '10.77/16', '10.77.0.0/16/2'])('is not %j', (range) => {
    expect(Cidr.safeParse(range).success).toBe(false);
  });

  it('counts its addresses over the bytes, to its end', () => {
    expect(addressAt('10.200.0.0/16', 256 * 3 + 2)).toBe('10.200.3.2');
    expect(addressAt('10.200.0.0/30', 3)).toBe('10.200.0.3');
    expect(() => addressAt('10.200.0.0/30', 4)).toThrow('10.200.0.0/30 has no address number 4');
  });
});

describe('an address of a capture', () => {
  it.each([
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['10.77.0.2', '10.77.0.2'],
    ['127.1', null],
    ['desktop', null],
  ])('has one form: %s is %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each(['10.1.2.3', '172.31.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', 'fd00::1', 'fe80::1', '::1'])(
    'is private, such as %s',
    (address) => {
      expect(isPrivateAddress(address)).toBe(true);
    },
  );

  it.each(['172.32.0.1', '100.128.0.1', '8.8.8.8', '198.51.100.10', '203.0.113.5', '2001:db8::1', '2600::1'])(
    'is not private, such as %s',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});
