import { KIND, makeSession, open, readHeader, seal, sessionKey } from '../../../../guest-proxy/relay/wire.js';

const relayKey = Buffer.alloc(32, 7);
const id = '0011223344556677';
const session = makeSession(3, 1_700_000_000_000, Buffer.from('01020304', 'hex'));
const key = sessionKey(relayKey, id, session, 'from-old');
const packet = seal(key, { id, session, counter: 5 }, KIND.packet, Buffer.from('4500', 'hex'));

it('seals a packet to the bytes that hosts of this version exchange', () => {
  expect(packet.toString('hex')).toBe(
    [
      '56535231', // VSR1
      id,
      '000000030000018bcfe5680001020304', // generation 3, start, random
      '0000000000000005',
      '7a589f4481565af4480532e2b42c8aa78c75e4', // sealed kind and content, tag
    ].join(''),
  );
});

it('opens what was sealed with the same key', () => {
  expect(readHeader(packet)).toEqual({ id, session, counter: 5 });
  expect(open(key, packet)).toEqual({ kind: KIND.packet, content: Buffer.from('4500', 'hex') });
});

it('opens nothing in which any bit was changed, cut off or added', () => {
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const forged = Buffer.from(packet);
    forged[bit >> 3]! ^= 1 << (bit & 7);
    const header = readHeader(forged);
    if (header === null) continue;
    const known = sessionKey(relayKey, header.id, header.session, 'from-old');
    expect(open(known, forged)).toBeNull();
  }
  for (let length = 0; length < packet.length; length++) {
    const cut = packet.subarray(0, length);
    expect(readHeader(cut) === null || open(key, cut) === null).toBe(true);
  }
  expect(open(key, Buffer.concat([packet, Buffer.alloc(1)]))).toBeNull();
});

it('has another key for each direction, session and relay', () => {
  const keys = [
    key,
    sessionKey(relayKey, id, session, 'from-new'),
    sessionKey(relayKey, '0011223344556678', session, 'from-old'),
    sessionKey(relayKey, id, makeSession(3, 1_700_000_000_001, Buffer.alloc(4)), 'from-old'),
    sessionKey(Buffer.alloc(32, 8), id, session, 'from-old'),
  ];
  expect(new Set(keys.map((k) => k.toString('hex'))).size).toBe(keys.length);
});
