// Proofs of flows' paths: their bytes, and that nothing but the true ones counts.
import fc from 'fast-check';
import {
  ASK_BYTES,
  decodeAnswer,
  decodeAsk,
  encodeAnswer,
  encodeAsk,
  isAnswered,
  isAskOf,
  type PathEnd,
} from '../../../../guest-proxy/protocol/path-proof.js';
import { randomFrom } from '../../../../lab/random.js';

const key = Buffer.alloc(32, 7);
const end: PathEnd = { protocol: 'tcp', external: '192.0.2.10', port: 5901 };
const ask = { session: Buffer.alloc(8, 1), token: Buffer.alloc(8, 2), clientPort: 40_000 };
const seen = { address: '203.0.113.1', port: 40_000 };
const ANSWER_HEX = '5653504154483121' + '02'.repeat(8) + 'cb0071019c409c40';

const answered = (answer: Buffer) => ({
  protocol: end.protocol,
  port: end.port,
  ...decodeAnswer(answer)!,
});

it('have the documented bytes, and an answer is smaller than what asks', () => {
  const asking = encodeAsk(ask, end, key);
  expect(asking.toString('hex')).toMatchInlineSnapshot(
    `"565350415448313f010101010101010102020202020202029c404bc9256ea0a8cc09742444a16f230baf"`,
  );
  const answer = encodeAnswer(ask, end, seen, key);
  expect(answer.toString('hex')).toMatchInlineSnapshot(
    `"56535041544831210202020202020202cb0071019c409c4048192f4f8ddb3ca9"`,
  );
  expect(answer.toString('hex').startsWith(ANSWER_HEX)).toBe(true);
  expect(asking).toHaveLength(ASK_BYTES);
  expect(answer.length).toBeLessThan(asking.length);
  expect(isAskOf(decodeAsk(asking)!, end, key)).toBe(true);
  expect(isAnswered(answered(answer), end.external, key)).toBe(true);
});

it.each<[string, Partial<PathEnd>]>([
  ['another protocol', { protocol: 'udp' }],
  ['another address of the desktop', { external: '192.0.2.11' }],
  ['another port of the desktop', { port: 5902 }],
])('are worth nothing for %s', (_, other) => {
  const asking = decodeAsk(encodeAsk(ask, end, key))!;
  expect(isAskOf(asking, { ...end, ...other }, key)).toBe(false);
  const answer = { ...answered(encodeAnswer(ask, end, seen, key)), ...other };
  expect(isAnswered(answer, other.external ?? end.external, key)).toBe(false);
});

it('are worth nothing in another session, for another place of the client, or another ask', () => {
  const other = Buffer.alloc(32, 8);
  expect(isAskOf(decodeAsk(encodeAsk(ask, end, key))!, end, other)).toBe(false);
  const answer = answered(encodeAnswer(ask, end, seen, key));
  expect(isAnswered(answer, end.external, other)).toBe(false);
  const forged = [
    { seen: { ...seen, port: 40_001 } },
    { seen: { ...seen, address: '203.0.113.2' } },
    { clientPort: 40_001 },
    { token: Buffer.alloc(8, 3) },
    { cookie: Buffer.alloc(8) },
  ];
  for (const part of forged) expect(isAnswered({ ...answer, ...part }, end.external, key)).toBe(false);
});

it('10,000 mutated ones change nothing', () => {
  const random = randomFrom(5);
  const below = (n: number) => Math.floor(random() * n);
  const asking = encodeAsk(ask, end, key);
  const answer = encodeAnswer(ask, end, seen, key);
  const flip = (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    const at = below(copy.length);
    copy[at]! ^= 1 << below(8);
    return below(8) === 0 ? copy.subarray(0, below(copy.length)) : copy;
  };
  for (let i = 0; i < 5_000; i += 1) {
    const read = decodeAsk(flip(asking));
    expect(read !== null && isAskOf(read, end, key)).toBe(false);
  }
  for (let i = 0; i < 5_000; i += 1) {
    const read = decodeAnswer(flip(answer));
    expect(read !== null && isAnswered({ ...answered(answer), ...read }, end.external, key)).toBe(false);
  }
});

it('random bytes ask for nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const read = decodeAsk(Buffer.from(bytes));
      return (read === null || !isAskOf(read, end, key)) && decodeAnswer(Buffer.from(bytes)) === null;
    }),
  );
});
