import fc from 'fast-check';
import { decodeMessage, encodeMessage, type Message } from '../../../../guest-proxy/protocol/messages.js';
import {
  answerChallenge,
  cookieOf,
  isChallengeOf,
  isProved,
  makeChallenge,
  proofKey,
} from '../../../../guest-proxy/protocol/proof.js';
import {
  type Challenge,
  type Data,
  decodeControlPacket,
  encodeProbe,
  encodeUnknown,
  type HelloAgain,
  HELLO_BYTES,
  HELLO_REPLY_BYTES,
} from '../../../../guest-proxy/protocol/wire.js';
import { client, established, hostA, hostB } from '../support.js';

const MESSAGES: readonly [string, 'toHost' | 'toClient', Message, string][] = [
  [
    'KEEPALIVE',
    'toHost',
    { kind: 'keepalive', epoch: 5, pendingEpoch: 6 },
    '0100000000000000050000000000000006',
  ],
  ['ALIVE', 'toClient', { kind: 'alive', epoch: 258 }, '020000000000000102'],
  [
    'PREPARE',
    'toClient',
    {
      kind: 'prepare',
      desktop: 'desk-1',
      epoch: 6,
      oldExternal: '198.51.100.10',
      newExternal: '192.0.2.10',
      targetKey: hostB.publicBytes,
      lifetimeMs: 600_000,
    },
    '03066465736b2d310000000000000006c633640ac000020a' +
      'ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1000927c0',
  ],
  [
    'PREPARED',
    'toHost',
    { kind: 'prepared', desktop: 'desk-1', epoch: 6, flows: 2 },
    '04066465736b2d3100000000000000060002',
  ],
  ['COMMIT', 'toClient', { kind: 'commit', desktop: 'desk-1', epoch: 6 }, '05066465736b2d310000000000000006'],
  [
    'COMMITTED',
    'toHost',
    { kind: 'committed', desktop: 'desk-1', epoch: 6, flows: 300 },
    '06066465736b2d310000000000000006012c',
  ],
  ['ABORT', 'toClient', { kind: 'abort', desktop: 'desk-1', epoch: 6 }, '07066465736b2d310000000000000006'],
  ['ABORTED', 'toHost', { kind: 'aborted', desktop: 'desk-1', epoch: 6 }, '08066465736b2d310000000000000006'],
  [
    'VOUCH',
    'toClient',
    {
      kind: 'vouch',
      key: hostB.publicBytes,
      serial: 7,
      revoked: true,
      signature: Buffer.alloc(64, 0xab),
    },
    '0aed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1' +
      `000000000000000701${'ab'.repeat(64)}`,
  ],
  [
    'RTT_REPORT',
    'toHost',
    { kind: 'rttReport', rtts: [{ site: 'us-east', rttMs: 20.25, ageMs: 1500 }] },
    '09010775732d65617374000007e9000005dc',
  ],
];

const token = (byte: number) => Buffer.alloc(8, byte);
/** Those that say more than their first version did. */
const LATER: readonly [string, 'toHost' | 'toClient', Message, string][] = [
  ['ALIVE', 'toClient', { kind: 'alive', epoch: 258, proves: true }, '02000000000000010250'],
  [
    'PREPARE',
    'toClient',
    { ...(MESSAGES[2]![2] as Extract<Message, { kind: 'prepare' }>), relays: true },
    `${MESSAGES[2]![3]}50`,
  ],
  [
    'PREPARED',
    'toHost',
    { kind: 'prepared', desktop: 'desk-1', epoch: 6, flows: 2, relayed: 1 },
    '04066465736b2d3100000000000000060002500001',
  ],
  [
    'COMMITTED',
    'toHost',
    { kind: 'committed', desktop: 'desk-1', epoch: 6, flows: 300, relayed: 0 },
    '06066465736b2d310000000000000006012c500000',
  ],
];
const NEW: readonly [string, 'toHost' | 'toClient', Message, string][] = [
  [
    'PROVED',
    'toHost',
    {
      kind: 'proved',
      desktop: 'desk-1',
      epoch: 6,
      paths: [
        {
          protocol: 'udp',
          port: 5901,
          clientPort: 40_000,
          seen: { address: '203.0.113.1', port: 40_001 },
          token: token(0xaa),
          cookie: token(0xbb),
        },
      ],
    },
    `0b066465736b2d3100000000000000060101170d9c40cb0071019c41${'aa'.repeat(8)}${'bb'.repeat(8)}`,
  ],
  [
    'DIRECT',
    'toClient',
    { kind: 'direct', desktop: 'desk-1', epoch: 6, tokens: [token(1), token(2)] },
    `0c066465736b2d31000000000000000602${'01'.repeat(8)}${'02'.repeat(8)}`,
  ],
];

describe('messages', () => {
  it.each(LATER)(
    '%s has the documented bytes, and is its first version without the last of them',
    (...row) => {
      const [, direction, message, hex] = row;
      expect(encodeMessage(message).toString('hex')).toBe(hex);
      expect(decodeMessage(Buffer.from(hex, 'hex'), direction)).toEqual(message);
      const first = MESSAGES.find(([name]) => name === row[0])!;
      expect(decodeMessage(Buffer.from(first[3], 'hex'), direction)).toEqual(first[2]);
      expect(hex.startsWith(first[3])).toBe(true);
      const more = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from([0x50, 7])]);
      expect(decodeMessage(more, direction)).toEqual(message);
    },
  );

  it('PROVED of a protocol that nobody knows, and lists that are too long, are none', () => {
    const hex = NEW[0]![3];
    const at = hex.indexOf('0101170d') + 2;
    const altered = (text: string) => Buffer.from(hex.slice(0, at - 2) + text + hex.slice(at + 2), 'hex');
    expect(decodeMessage(altered('0102'), 'toHost')).toBeNull();
    expect(decodeMessage(altered('ff01'), 'toHost')).toBeNull();
    expect(decodeMessage(altered('0201'), 'toHost')).toBeNull();
  });

  it.each([...MESSAGES, ...NEW])('%s has the documented bytes', (_, direction, message, hex) => {
    expect(encodeMessage(message).toString('hex')).toBe(hex);
    expect(decodeMessage(Buffer.from(hex, 'hex'), direction)).toEqual(message);
  });

  it.each([...MESSAGES, ...NEW])(
    '%s is not accepted in the other direction or cut short, and what a later version adds is ignored',
    (_, direction, message) => {
      const bytes = encodeMessage(message);
      expect(decodeMessage(bytes, direction === 'toHost' ? 'toClient' : 'toHost')).toBeNull();
      for (let length = 0; length < bytes.length; length += 1)
        expect(decodeMessage(bytes.subarray(0, length), direction)).toBeNull();
      expect(decodeMessage(Buffer.concat([bytes, Buffer.from([0, 7])]), direction)).toEqual(message);
    },
  );
});

describe('packets', () => {
  it('HELLO and HELLO_REPLY have the documented bytes', () => {
    const { handshake, answer } = established();
    expect(handshake.packet.toString('hex')).toMatchSnapshot();
    expect(answer.packet.toString('hex')).toMatchSnapshot();
    expect(handshake.packet).toHaveLength(HELLO_BYTES);
    expect(answer.packet).toHaveLength(HELLO_REPLY_BYTES);
  });

  it('DATA has the documented header, and a body that depends on keys and counter alone', () => {
    const { clientEnd } = established();
    const first = clientEnd.seal({ kind: 'keepalive', epoch: 1, pendingEpoch: 0 }).toString('hex');
    expect(first.slice(0, 8)).toBe('56530103');
    expect(first.slice(24, 40)).toBe('0000000000000000');
    expect(first).toMatchSnapshot();
    const second = clientEnd.seal({ kind: 'keepalive', epoch: 1, pendingEpoch: 0 }).toString('hex');
    expect(second.slice(24, 40)).toBe('0000000000000001');
  });

  it('PROBE, its reply and UNKNOWN have the documented bytes', () => {
    const nonce = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    expect(encodeProbe('probe', nonce).toString('hex')).toBe('56530105000102030405060708090a0b0c0d0e0f');
    expect(encodeProbe('probeReply', nonce).toString('hex')).toBe('56530106000102030405060708090a0b0c0d0e0f');
    expect(encodeUnknown(nonce.subarray(0, 8)).toString('hex')).toBe('565301040001020304050607');
  });

  it('CHALLENGE and HELLO_AGAIN have the documented bytes', () => {
    const { handshake } = established();
    const key = proofKey(hostA, client.publicBytes)!;
    expect(proofKey(client, hostA.publicBytes)).toEqual(key);
    const cookie = cookieOf(Buffer.alloc(32, 9), 'desk-1 somebody', 1_700_000_000_500);
    const { nonce } = handshake;
    const bytes = makeChallenge(
      { hostKey: hostA.publicBytes, nonce, issued: 1_700_000_000_500, cookie },
      key,
    );
    const challenge = decodeControlPacket(bytes) as Challenge;
    expect(isChallengeOf(challenge, key)).toBe(true);
    expect(isChallengeOf({ ...challenge, issued: 1 }, key)).toBe(false);
    const again = answerChallenge(challenge, handshake.packet, key);
    expect([bytes.toString('hex'), again.toString('hex')]).toMatchSnapshot();
    expect(isProved(decodeControlPacket(again) as HelloAgain, key)).toBe(true);
    expect(bytes).toHaveLength(92);
    expect(again).toHaveLength(240);
  });

  it('no answer is larger than its question', () => {
    const { handshake, answer, clientEnd, hostEnd } = established();
    expect(answer.packet.length).toBeLessThanOrEqual(handshake.packet.length);
    const keepalive = clientEnd.seal({ kind: 'keepalive', epoch: 1, pendingEpoch: 0 });
    expect(hostEnd.seal({ kind: 'alive', epoch: 1, proves: true }).length).toBeLessThanOrEqual(
      keepalive.length,
    );
    expect(encodeUnknown(hostEnd.id).length).toBeLessThanOrEqual(keepalive.length);
  });

  it('random bytes are no packet and raise nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1300 }), (bytes) => {
        const packet = decodeControlPacket(Buffer.from(bytes));
        return packet === null || Buffer.from(bytes).subarray(0, 3).equals(Buffer.from('565301', 'hex'));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('sessions', () => {
  it('carry messages in both directions', () => {
    const { clientEnd, hostEnd } = established();
    const up = decodeControlPacket(clientEnd.seal({ kind: 'keepalive', epoch: 1, pendingEpoch: 2 })) as Data;
    expect(hostEnd.open(up)).toEqual({
      message: { kind: 'keepalive', epoch: 1, pendingEpoch: 2 },
      newest: true,
    });
    const down = decodeControlPacket(hostEnd.seal({ kind: 'alive', epoch: 1 })) as Data;
    expect(clientEnd.open(down)).toEqual({ message: { kind: 'alive', epoch: 1 }, newest: true });
  });

  it('refuse a packet sent back to its sender', () => {
    const { clientEnd, hostEnd } = established();
    const packet = decodeControlPacket(hostEnd.seal({ kind: 'commit', desktop: 'desk-1', epoch: 9 })) as Data;
    expect(hostEnd.open(packet)).toBeNull();
    expect(clientEnd.open(packet)).not.toBeNull();
  });

  it('open each packet once, in any order within the window, and know which is the newest', () => {
    const { clientEnd, hostEnd } = established();
    const packets = Array.from(
      { length: 100 },
      (_, epoch) => decodeControlPacket(hostEnd.seal({ kind: 'alive', epoch })) as Data,
    );
    const order = packets.map((_, i) => (i * 37) % 100);
    let highest = -1;
    for (const i of order) {
      expect(clientEnd.open(packets[i]!)).toMatchObject({ newest: i > highest });
      highest = Math.max(highest, i);
    }
    for (const packet of packets) expect(clientEnd.open(packet)).toBeNull();
  });

  it('refuse packets older than the window', () => {
    const { clientEnd, hostEnd } = established();
    const old = decodeControlPacket(hostEnd.seal({ kind: 'alive', epoch: 0 })) as Data;
    for (let i = 0; i < 256; i += 1)
      clientEnd.open(decodeControlPacket(hostEnd.seal({ kind: 'alive', epoch: 1 })) as Data);
    expect(clientEnd.open(old)).toBeNull();
  });
});
