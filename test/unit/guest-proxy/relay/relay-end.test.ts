import { RelayEnd } from '../../../../guest-proxy/relay/relay-end.js';
import { KIND, readHeader } from '../../../../guest-proxy/relay/wire.js';

const key = Buffer.alloc(32, 7);
const id = '0011223344556677';
const END = { id, key };
const old = () => new RelayEnd({ ...END, sends: 'from-old', generation: 0 }, 1_000);
const present = (generation: number, startMs = 1_000) =>
  new RelayEnd({ ...END, sends: 'from-new', generation }, startMs);
const get = (end: RelayEnd, bytes: Buffer, nowMs = 1_000, source = '192.0.2.2') =>
  end.open(readHeader(bytes)!, bytes, nowMs, source);
const say = (end: RelayEnd, what = 'x') => end.seal(KIND.note, Buffer.from(what));

it('opens what the other end has sealed, once, in whatever order it comes', () => {
  const [a, b] = [old(), present(1)];
  const [first, second] = [say(b, 'first'), say(b, 'second')];
  expect(get(a, second)).toEqual({ kind: KIND.note, content: Buffer.from('second'), newest: true });
  expect(get(a, first)).toMatchObject({ content: Buffer.from('first'), newest: false });
  expect(get(a, first)).toBe('replayed');
  expect(get(a, second)).toBe('replayed');
});

it('opens nothing that its own side has sealed, or another key', () => {
  expect(get(old(), say(old()))).toBe('forged');
  const stranger = new RelayEnd({ id, key: Buffer.alloc(32, 8), sends: 'from-new', generation: 9 }, 1_000);
  expect(get(old(), say(stranger))).toBe('forged');
});

it('follows the host of the newest generation, and a host that has started anew, and none before', () => {
  const a = old();
  const [first, restarted, next] = [present(1), present(1, 2_000), present(2, 500)];
  for (const end of [first, restarted, next]) expect(get(a, say(end))).toMatchObject({ newest: true });
  for (const end of [first, restarted]) expect(get(a, say(end))).toBe('outdated');
  first.renew(3, 100);
  expect(get(a, say(first))).toMatchObject({ newest: true });
  expect(get(a, say(next))).toBe('outdated');
});

it('is not moved by a forged session, however new it says that it is', () => {
  const [a, b] = [old(), present(1)];
  get(a, say(b));
  const stranger = new RelayEnd({ id, key: Buffer.alloc(32, 8), sends: 'from-new', generation: 9 }, 9_000);
  expect(get(a, say(stranger))).toBe('forged');
  expect(get(a, say(b))).toMatchObject({ newest: true });
});

it('takes nobody for the other end, where its key was used before, until its own session is answered', () => {
  const [a, recorded] = [old(), present(1)];
  get(a, say(recorded));
  const restarted = new RelayEnd({ ...END, sends: 'from-old', generation: 0, used: true }, 9_000);
  expect(old().isAlive).toBe(true);
  expect(get(restarted, say(recorded))).toMatchObject({ newest: true });
  // What was said before names the session of before; some release says nothing, which counts only as long as none has said more.
  for (const [hears, mayBeSilent] of [
    [present(1).hears, true],
    ['00'.repeat(16), true],
    [undefined, false],
  ] as const)
    restarted.heard(hears, mayBeSilent);
  expect(restarted.isAlive).toBe(false);
  get(recorded, say(restarted));
  restarted.heard(recorded.hears, false);
  expect(restarted.isAlive).toBe(true);
  const older = new RelayEnd({ ...END, sends: 'from-old', generation: 0, used: true }, 9_000);
  older.heard(undefined, true);
  expect(older.isAlive).toBe(true);
});

it('tries no more sessions than its rate allows, and serves the known one meanwhile', () => {
  const [a, b] = [old(), present(1)];
  get(a, say(b));
  const outcomes = new Map<unknown, number>();
  for (let i = 0; i < 1_000; i++) {
    const stranger = new RelayEnd({ id, key: Buffer.alloc(32, 8), sends: 'from-new', generation: 9 }, i);
    const outcome = get(a, say(stranger));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get('forged')).toBeLessThanOrEqual(50);
  expect(outcomes.get('limited')).toBeGreaterThanOrEqual(950);
  expect(get(a, say(b))).toMatchObject({ newest: true });
  expect(get(a, say(present(2, 3_000)), 5_000)).toMatchObject({ newest: true });
});

it('tries the other end, whoever else floods it from an address of his own', () => {
  const [a, b] = [old(), present(1)];
  get(a, say(b));
  let tried = 0;
  for (let i = 0; i < 1_000; i++) {
    const stranger = new RelayEnd({ id, key: Buffer.alloc(32, 8), sends: 'from-new', generation: 9 }, i);
    if (get(a, say(stranger), 1_000, '203.0.113.66') === 'forged') tried += 1;
  }
  expect(tried).toBeLessThanOrEqual(10);
  // The desktop's next host, which has not been heard yet.
  expect(get(a, say(present(2)), 1_000, '198.51.100.9')).toMatchObject({ newest: true });
});
