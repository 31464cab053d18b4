import { DesktopId, HostRef, hostKey } from '../../../../../domain/model/ids.js';
import {
  reviewMoves,
  type CloudNow,
  type DesktopNow,
  type HostNow,
  type PlannedMove,
} from '../../../../../domain/placement/life/review.js';

const NOW_MS = 1_000_000;
const ref = (text: string) => HostRef.parse({ site: text.split('/')[0], host: text.split('/')[1] });
const desktop = (at: string, changed: Partial<DesktopNow> = {}): DesktopNow => ({
  host: ref(at),
  state: 'running',
  needs: { vcpus: 1, memoryMiB: 512, diskMiB: 512 },
  rttMs: { west: 100, east: 10 },
  lockedUntilMs: null,
  goingTo: null,
  leftAlone: null,
  ...changed,
});
const room = (slots: number, usedSlots: number, changed: Partial<HostNow> = {}): HostNow => ({
  answers: true,
  closed: null,
  capacity: { slots, vcpus: 64, memoryMiB: 65_536, diskMiB: 65_536 },
  used: { slots: usedSlots, vcpus: usedSlots, memoryMiB: 512 * usedSlots, diskMiB: 512 * usedSlots },
  ...changed,
});
const move = (id: string, from: string, to: string, changed: Partial<PlannedMove> = {}): PlannedMove => ({
  desktop: DesktopId.parse(id),
  from: ref(from),
  to: ref(to),
  wave: 1,
  parking: false,
  gainMs: 80,
  ...changed,
});

interface Cloud {
  readonly desktops: Record<string, DesktopNow>;
  readonly hosts?: Record<string, HostNow>;
  readonly held?: string;
  readonly violated?: CloudNow['violated'];
}

function review(moves: readonly PlannedMove[], { desktops, hosts = {}, held, violated = () => null }: Cloud) {
  const rooms: Record<string, HostNow> = { 'west/h1': room(9, 2), 'east/h1': room(9, 0), ...hosts };
  const cloud: CloudNow = {
    nowMs: NOW_MS,
    desktop: (id) => desktops[id] ?? null,
    host: (at) => rooms[hostKey(at)] ?? null,
    heldBack: () => held ?? null,
    violated,
  };
  return reviewMoves(moves, cloud);
}
const words = (...judged: Parameters<typeof review>) =>
  review(...judged).map((j) => (j.verdict === 'left-out' ? `${j.why}: ${j.reason}` : j.verdict));

describe('reviewMoves', () => {
  const plain = [move('d', 'west/h1', 'east/h1')];

  it('finds a move true where nothing has changed, done where it is there, and under way where it goes there', () => {
    expect(words(plain, { desktops: { d: desktop('west/h1') } })).toEqual(['true']);
    expect(words(plain, { desktops: { d: desktop('east/h1') } })).toEqual(['done']);
    expect(words(plain, { desktops: { d: desktop('west/h1', { goingTo: ref('east/h1') }) } })).toEqual([
      'under-way',
    ]);
  });

  it.each<[string, DesktopNow | undefined, Partial<HostNow> | null, string]>([
    ['a desktop that is gone', undefined, {}, 'gone: there is no such desktop any more'],
    ['one that is elsewhere', desktop('north/h1'), {}, 'moved: it is at north/h1, not at west/h1 as planned'],
    ['one that is stopped', desktop('west/h1', { state: 'stopped' }), {}, 'stopped: it is stopped; only'],
    ['one on another way', desktop('west/h1', { goingTo: ref('north/h1') }), {}, 'in-another-move: it is on'],
    [
      'one moved just now',
      desktop('west/h1', { lockedUntilMs: NOW_MS + 5_000 }),
      {},
      'locked: .* another 5 s',
    ],
    ['one that is left alone', desktop('west/h1', { leftAlone: 'did not help' }), {}, 'left-alone: did not'],
    ['a host that is gone', desktop('west/h1'), null, 'host-gone: there is no host east/h1'],
    ['a host that is silent', desktop('west/h1'), { answers: false }, 'host-silent: east/h1 does not'],
    [
      'a host that is emptied',
      desktop('west/h1'),
      { closed: { why: 'draining', reason: 'east/h1 is being emptied' } },
      'draining: east/h1 is being emptied',
    ],
    [
      'a host in maintenance',
      desktop('west/h1'),
      { closed: { why: 'maintenance', reason: 'east/h1 is in maintenance until noon' } },
      'maintenance: east/h1 is in maintenance until noon',
    ],
    ['a host that is full', desktop('west/h1'), room(3, 3), 'full: .* 1 slots wanted, 0 of 3 free'],
    [
      'a user who has gone elsewhere',
      desktop('west/h1', { rttMs: { west: 10, east: 90 } }),
      {},
      'no-gain: east is no longer nearer to its user \\(10 -> 90 ms\\)',
    ],
  ])('leaves out %s, and says so', (_case, now, host, said) => {
    const desktops: Record<string, DesktopNow> = now === undefined ? {} : { d: now };
    const hosts: Record<string, HostNow> = host === null ? {} : { 'east/h1': { ...room(9, 0), ...host } };
    const [judged] =
      host === null
        ? words([move('d', 'west/h1', 'east/h2')], { desktops }).map((w) => w.replace('h2', 'h1'))
        : words(plain, { desktops, hosts });
    expect(judged).toMatch(new RegExp(`^${said}`));
  });

  it('leaves out what is held back', () => {
    expect(words(plain, { desktops: { d: desktop('west/h1') }, held: 'it failed' })).toEqual([
      'held-back: it failed',
    ]);
  });

  it('leaves out what breaks a constraint, and asks with those who move before and where all are going', () => {
    const desktops = {
      a: desktop('west/h1'),
      b: desktop('west/h1'),
      c: desktop('west/h1', { state: 'stopped' }),
    };
    const moves = ['a', 'c', 'b'].map((id) => move(id, 'west/h1', 'east/h1'));
    const violated: CloudNow['violated'] = (id, _, moved, heading) =>
      id === 'b' ? [...moved.keys(), '|', ...heading.keys()].join(' ') : null;
    expect(words(moves, { desktops, violated })).toEqual([
      'true',
      expect.stringMatching(/^stopped/),
      'constraint: a | a b',
    ]);
  });

  it('takes a desktop from another host of its site, but not within it', () => {
    const desktops = { d: desktop('west/h2') };
    expect(words(plain, { desktops })).toEqual(['true']);
    expect(
      words([move('d', 'west/h1', 'west/h3')], { desktops, hosts: { 'west/h3': room(9, 0) } })[0],
    ).toMatch(/^moved/);
  });

  it('gives the last slot to one, and a slot that a wave leaves only to the next one', () => {
    const desktops = { a: desktop('west/h1'), b: desktop('west/h1'), c: desktop('east/h1') };
    const hosts = { 'east/h1': room(2, 1) };
    const [a, b] = [move('a', 'west/h1', 'east/h1'), move('b', 'west/h1', 'east/h1')];
    expect(words([a, b], { desktops, hosts })).toEqual(['true', expect.stringMatching(/^full/)]);
    const leaves = move('c', 'east/h1', 'west/h1', { gainMs: -1 });
    expect(words([leaves, a, b], { desktops, hosts })).toEqual([
      'true',
      'true',
      expect.stringMatching(/^full/),
    ]);
    expect(words([leaves, a, { ...b, wave: 2 }], { desktops, hosts })).toEqual(['true', 'true', 'true']);
    // The order of the list does not matter, the waves do.
    expect(words([{ ...b, wave: 2 }, leaves, a], { desktops, hosts })).toEqual(['true', 'true', 'true']);
  });

  it('keeps a slot that was to be left by one who does not leave', () => {
    const desktops = { b: desktop('west/h1'), c: desktop('east/h1', { state: 'stopped' }) };
    const moves = [move('c', 'east/h1', 'west/h1'), move('b', 'west/h1', 'east/h1', { wave: 2 })];
    expect(words(moves, { desktops, hosts: { 'east/h1': room(1, 1) } })).toEqual([
      expect.stringMatching(/^stopped/),
      expect.stringMatching(/^full/),
    ]);
  });

  it('follows a desktop over a stop on the way, and leaves the rest of its way out with the first part', () => {
    const way = [
      move('d', 'west/h1', 'north/h1', { parking: true, gainMs: -5 }),
      move('d', 'north/h1', 'east/h1', { wave: 2 }),
    ];
    const desktops = { d: desktop('west/h1') };
    expect(words(way, { desktops, hosts: { 'north/h1': room(9, 0) } })).toEqual(['true', 'true']);
    expect(words(way, { desktops, hosts: { 'north/h1': room(1, 1) } })).toEqual([
      expect.stringMatching(/^full/),
      expect.stringMatching(/^earlier-left-out/),
    ]);
  });
});
