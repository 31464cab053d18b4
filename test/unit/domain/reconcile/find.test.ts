// Everything that reconciliation can find, and what it does about each: a table over the pure rules.
import { DesktopId, HostRef, moveIdOf } from '../../../../domain/model/ids.js';
import type { OwnershipRecord } from '../../../../domain/migration/ownership.js';
import { desktopsOf, findLeftovers, type Look } from '../../../../domain/reconcile/find.js';
import type { Finding } from '../../../../domain/reconcile/finding.js';
import { Held, type HeldChange, type HostLook } from '../../../../domain/reconcile/held.js';

const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const [west, east, north] = [ref('us-west'), ref('us-east'), ref('us-north')];
const d1 = DesktopId.parse('d1');
const moveId = moveIdOf(d1, '0000-aaaaaaaaaaaa');
const NOW = 1_000_000;
const GRACE = 60_000;
const KEY = Buffer.alloc(32, 'key').toString('base64');

const change = (epoch: number): HeldChange => ({
  desktop: d1,
  epoch,
  oldExternal: '198.51.100.10',
  newExternal: '203.0.113.10',
  targetKey: KEY,
});

type Parts = Partial<Omit<Held, 'host' | 'atMs'>>;
const holds = (host: HostRef, parts: Parts = {}): HostLook => ({
  host,
  held: Held.parse({
    host,
    atMs: NOW,
    records: [],
    reservations: [],
    desktops: [],
    incoming: [],
    retired: [],
    outgoing: [],
    networks: [],
    capped: [],
    ...parts,
  }),
});
const silent = (host: HostRef): HostLook => ({ host, held: null, why: 'silent', problem: 'no answer' });

const record = (
  state: OwnershipRecord['state'],
  epoch: number,
  peer: HostRef | null = null,
  atMs = 0,
): Parts => ({ records: [{ desktop: d1, epoch, state, peer, atMs }] });
const here = (state: string): Parts => ({ desktops: [{ desktop: d1, state }] });
const network = (part: Partial<Held['networks'][number]> = {}): Parts => ({
  networks: [{ desktop: d1, attached: true, external: '198.51.100.10', outgoing: null, moved: [], ...part }],
});
const copies: Parts = { outgoing: [{ desktop: d1, copies: ['c0ffee'] }] };
const reserved = (epoch: number, from: HostRef, switching = false): Parts => ({
  reservations: [{ moveId, desktop: d1, from, epoch, switching }],
});
const comes: Parts = { incoming: [{ desktop: d1, moveId }] };
const kept: Parts = { retired: [{ desktop: d1, moveId }] };
/** At work, with nothing left over. */
const well = (epoch = 1): Parts => ({ ...record('owner', epoch), ...here('running'), ...network() });

function find(hosts: HostLook[], look: Partial<Look> = {}): Finding[] {
  return findLeftovers({ hosts, whole: true, busy: new Set(), nowMs: NOW, graceMs: GRACE, ...look });
}

/** `KIND HOST REPAIR`, or what there is instead of a repair. */
const brief = (f: Finding) =>
  `${f.kind} ${f.host.site} ${f.repair?.do ?? (f.person === null ? 'waits' : 'person')}`;

describe('findLeftovers', () => {
  it.each<[string, HostLook[], string[]]>([
    ['nothing of a desktop at work', [holds(west, well()), holds(east)], []],
    [
      'nothing of desktops that were here and have gone on, or are no more',
      [holds(west, record('released', 2, east)), holds(east, well(2)), holds(north, record('removed', 9))],
      [],
    ],
    [
      'a move that ended while its disk was copied: the source lets go first, then the target is dropped',
      [
        holds(west, { ...well(), ...copies, capped: [moveId] }),
        holds(east, { ...reserved(2, west), ...comes, ...network() }),
      ],
      ['orphaned-copy us-west end-copies', 'orphaned-replica us-east drop-target', 'stale-cap us-west uncap'],
    ],
    [
      'a reservation alone',
      [holds(west, well()), holds(east, { ...reserved(2, west), ...network() })],
      ['orphaned-replica us-east drop-target'],
    ],
    [
      'a replica without a reservation, and its tap only when it has gone',
      [holds(west, well()), holds(east, { ...comes, ...network() })],
      ['orphaned-replica us-east drop-target'],
    ],
    [
      'a source that stands still in a pause that nobody ends',
      [
        holds(west, {
          ...record('owner', 1),
          ...here('postmigrate'),
          ...copies,
          ...network({ outgoing: change(2) }),
        }),
        holds(east, { ...reserved(2, west, true), ...comes, ...network() }),
      ],
      ['orphaned-copy us-west end-copies', 'orphaned-replica us-east drop-target'],
    ],
    [
      'clients that were told of a move that never came',
      [holds(west, { ...well(), ...network({ outgoing: change(2) }) }), holds(east)],
      ['orphaned-copy us-west end-copies'],
    ],
    [
      'a release whose target has not decided: it is asked, and nothing of it is dropped',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...copies,
          ...network({ outgoing: change(2) }),
        }),
        holds(east, { ...reserved(2, west, true), ...comes, ...network() }),
      ],
      ['half-moved us-west finish-move'],
    ],
    [
      'a release that the target has refused: taken back',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...network({ outgoing: change(2) }),
        }),
        holds(east, { ...record('refused', 2, west), ...reserved(2, west, true), ...network() }),
      ],
      ['half-moved us-west finish-move', 'orphaned-replica us-east drop-target'],
    ],
    [
      'a desktop that was taken over and never ran: it runs first',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...network({ outgoing: change(2) }),
        }),
        holds(east, { ...record('owner', 2, west), ...reserved(2, west, true), ...comes, ...network() }),
      ],
      ['half-moved us-east run-here', 'half-moved us-west finish-move'],
    ],
    [
      'the same without a reservation, and without its source',
      [silent(west), holds(east, { ...record('owner', 2, west), ...comes, ...network() })],
      ['lost-host us-west person', 'half-moved us-east run-here'],
    ],
    [
      'a source that moved and was not retired',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...network({ external: null, moved: [change(2)] }),
        }),
        holds(east, { ...well(2), ...reserved(2, west, true) }),
      ],
      ['unfinished-source us-west retire-source', 'stale-reservation us-east settle-target'],
    ],
    [
      'the same after the desktop has gone on from there',
      [
        holds(west, { ...record('released', 2, east), ...here('postmigrate'), ...network() }),
        holds(east, record('released', 3, north)),
        holds(north, well(3)),
      ],
      ['unfinished-source us-west retire-source'],
    ],
    [
      'an old disk and an old address within the grace time',
      [
        holds(west, {
          ...record('released', 2, east, NOW - GRACE + 1),
          ...kept,
          ...network({ external: null, moved: [change(2)] }),
        }),
        holds(east, well(2)),
      ],
      ['kept-source us-west waits'],
    ],
    [
      'an old disk and an old address after the grace time',
      [
        holds(west, {
          ...record('released', 2, east, NOW - GRACE),
          ...kept,
          ...network({ external: null, moved: [change(2)] }),
        }),
        holds(east, well(2)),
      ],
      ['kept-source us-west clean-source'],
    ],
    [
      'an old address at a host that the desktop has come back to',
      [
        holds(west, { ...well(3), ...network({ moved: [change(2)] }) }),
        holds(east, record('released', 3, west)),
      ],
      ['kept-source us-west clean-source'],
    ],
    [
      'a disk that was kept on purpose',
      [holds(west, { ...record('released', 2, east), ...kept }), holds(east, well(2))],
      ['kept-disk us-west person'],
    ],
    [
      'a tap and an address that nobody uses',
      [holds(west, well()), holds(east, network()), holds(north, { ...record('refused', 4), ...network() })],
      ['stale-address us-east detach', 'stale-address us-north detach'],
    ],
    [
      'two owners, of which nothing is touched',
      [holds(west, { ...well(1), ...copies }), holds(east, { ...well(2), ...reserved(9, west) })],
      ['two-owners us-west person'],
    ],
    [
      'a desktop that nobody owns',
      [holds(west, record('released', 2, east)), holds(east, record('refused', 2, west))],
      ['no-owner us-west person'],
    ],
    ['a copy without a record', [holds(west, here('stopped')), holds(east)], ['unowned-copy us-west person']],
    [
      'a target that lost what it knew of a release',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...network({ outgoing: change(2) }),
        }),
        holds(east),
      ],
      ['half-moved us-west person'],
    ],
    [
      'a release to a lost host: both stay still',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('postmigrate'),
          ...network({ outgoing: change(2) }),
        }),
        silent(east),
      ],
      ['lost-host us-east person', 'half-moved us-west person'],
    ],
    [
      'a replica of a lost source: kept, since that may still write to it',
      [silent(west), holds(east, { ...reserved(2, west), ...comes })],
      ['lost-host us-west person', 'orphaned-replica us-east waits'],
    ],
    [
      'what may be the last copy of a lost source',
      [silent(west), holds(east, { ...reserved(2, west, true), ...comes })],
      ['lost-host us-west person', 'orphaned-replica us-east person'],
    ],
    [
      'a replica of a source that is in the cloud no more',
      [holds(east, { ...reserved(2, west), ...comes })],
      ['orphaned-replica us-east drop-target'],
    ],
    [
      'what may be the last copy of a source that is in the cloud no more',
      [holds(east, { ...reserved(2, west, true), ...comes })],
      ['orphaned-replica us-east person'],
    ],
    [
      'a host that came back with its release: it retires its copy, which another has run since',
      [
        holds(west, {
          ...record('released', 2, east),
          ...here('crashed'),
          ...network({ outgoing: change(2) }),
        }),
        holds(east, well(2)),
      ],
      ['half-moved us-west finish-move'],
    ],
  ])('finds %s', (_, hosts, expected) => {
    expect(find(hosts).map(brief)).toEqual(expected);
  });

  it('leaves desktops alone that are in a move, and no others', () => {
    const hosts = [holds(west, { ...well(), ...copies }), holds(east, { ...reserved(2, west), ...comes })];
    expect(find(hosts, { busy: new Set(['d1']) })).toEqual([]);
    expect(find(hosts, { busy: new Set(['d2']) })).not.toEqual([]);
    expect(desktopsOf(find(hosts))).toEqual(['d1']);
  });

  it('drops nothing on the word of a look that is not of the whole cloud', () => {
    const hosts = [holds(east, { ...reserved(2, west), ...comes })];
    expect(find(hosts, { whole: false }).map(brief)).toEqual(['orphaned-replica us-east waits']);
  });

  it('retires nothing for a stranger that claims a desktop, with whatever epoch', () => {
    const released = {
      ...record('released', 2, east),
      ...here('postmigrate'),
      ...network({ outgoing: change(2) }),
    };
    const stranger = holds(north, record('owner', Number.MAX_SAFE_INTEGER));
    const found = find([holds(west, released), holds(east), stranger]);
    expect(found.map((f) => f.repair?.do)).toEqual([undefined]);
    expect(find([holds(west, well()), holds(east), stranger]).map(brief)).toEqual([
      'two-owners us-west person',
    ]);
  });

  it('names moves by what their target knows, and by a name of its own where nobody knows it', () => {
    const moved = {
      ...record('released', 2, east),
      ...here('postmigrate'),
      ...network({ external: null, moved: [change(2)] }),
    };
    const retire = (target: Parts) =>
      find([holds(west, moved), holds(east, target)]).find((f) => f.repair?.do === 'retire-source')?.repair;
    expect(retire({ ...well(2), ...reserved(2, west, true) })).toMatchObject({ moveId });
    expect(retire(well(2))).toMatchObject({ moveId: 'd1-reconciled' });
  });

  it('keeps all disks where there is more than one, and cleans the address', () => {
    const [first] = find([
      holds(west, {
        ...record('released', 2, east),
        retired: ['d1-one', 'd1-two'].map((id) => ({ desktop: d1, moveId: id })),
        ...network({ external: null, moved: [change(2)] }),
      }),
      holds(east, well(2)),
    ]);
    expect(first?.repair).toMatchObject({ do: 'clean-source', keepDisk: true });
  });

  it('says what it finds and what to do with names, epochs and commands', () => {
    for (const [why, remedy] of [
      ['silent', /start `vmshadow dom0`/],
      ['older', /upgrade/],
      ['unreadable', /release/],
    ] as const)
      expect(find([{ host: west, held: null, why, problem: 'P' }])).toMatchObject([
        { words: expect.stringMatching(/us-west\/h1.*P/), person: expect.stringMatching(remedy) },
      ]);
  });
});

describe('a report of what is held', () => {
  it.each([
    ['a path for an id', { desktops: [{ desktop: '../x', state: 'running' }] }],
    ['an epoch that is none', record('owner', 0)],
    ['an epoch beyond what numbers hold', record('owner', 2 ** 60)],
    ['an address that is none', network({ external: 'localhost' })],
    ['a key that is none', network({ moved: [{ ...change(2), targetKey: 'key' }] })],
    ['a copy with a name that is none', { outgoing: [{ desktop: d1, copies: ['a b'] }] }],
    ['a move with a name that is none', { capped: ['../../etc'] }],
  ])('is refused with %s', (_, parts) => {
    expect(() => holds(west, parts as Parts)).toThrow();
  });
});
