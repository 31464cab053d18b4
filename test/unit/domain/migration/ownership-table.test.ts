import {
  accept,
  assertOwner,
  createdHere,
  decisionOn,
  isReleasedTo,
  OwnershipRecord,
  reclaim,
  refuse,
  release,
  remove,
  retract,
} from '../../../../domain/migration/ownership.js';
import { VmshadowError } from '../../../../domain/errors.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';

const desktop = DesktopId.parse('d1');
const here = HostRef.parse({ site: 'west', host: 'h1' });
const there = HostRef.parse({ site: 'east', host: 'h1' });
const sibling = HostRef.parse({ site: 'east', host: 'h2' });
const NOW = 7;

type Entry = OwnershipRecord | null;
const STATES = ['owner', 'released', 'refused', 'removed'] as const;

/** Every state at every epoch about 3, and none. */
const entries: readonly Entry[] = [
  null,
  ...STATES.flatMap((state) =>
    [1, 2, 3, 4].map((epoch) => ({ desktop, epoch, state, peer: there, atMs: 0 })),
  ),
];
const nameOf = (entry: Entry) => (entry === null ? 'none' : `${entry.state}(${String(entry.epoch)})`);

/** What an operation makes of each entry: only of those that it does not fence; `same` is the very record. */
function outcomes(operation: (entry: Entry) => OwnershipRecord): Record<string, string> {
  const made: Record<string, string> = {};
  for (const entry of entries) {
    try {
      const record = operation(entry);
      made[nameOf(entry)] = record === entry ? 'same' : nameOf(record);
    } catch (error) {
      if (!(error instanceof VmshadowError) || error.code !== 'FENCED') throw error;
    }
  }
  return made;
}

const below = (epoch: number, becomes: string) =>
  Object.fromEntries(
    entries.filter((entry) => (entry?.epoch ?? 0) < epoch).map((entry) => [nameOf(entry), becomes]),
  );

describe('of every record, with epoch 3', () => {
  it('a release takes the owner of the epoch before, or stands', () => {
    expect(outcomes((entry) => release(entry, desktop, 3, there, NOW))).toEqual({
      'owner(2)': 'released(3)',
      'released(3)': 'same',
    });
    expect(outcomes((entry) => release(entry, desktop, 3, sibling, NOW))).toEqual({
      'owner(2)': 'released(3)',
    });
    expect(outcomes((entry) => release(entry, desktop, 3, there, NOW, 1))).toEqual({
      'owner(1)': 'released(3)',
      'released(3)': 'same',
    });
    expect(outcomes((entry) => release(entry, desktop, 3, there, NOW, 3))).toEqual({ 'released(3)': 'same' });
  });

  it('a target accepts above all that it knows, once', () => {
    expect(outcomes((entry) => accept(entry, desktop, 3, here, NOW))).toEqual({
      ...below(3, 'owner(3)'),
      'owner(3)': 'same',
    });
  });

  it('a target refuses above all that it knows, once', () => {
    expect(outcomes((entry) => refuse(entry, desktop, 3, here, NOW))).toEqual({
      ...below(3, 'refused(3)'),
      'refused(3)': 'same',
    });
  });

  it('only what was accepted at this epoch is retracted', () => {
    expect(outcomes((entry) => retract(entry, desktop, 3, NOW))).toEqual({ 'owner(3)': 'refused(3)' });
  });

  it('only what was released at this epoch is reclaimed, once', () => {
    expect(outcomes((entry) => reclaim(entry, desktop, 3, NOW))).toEqual({
      'released(3)': 'owner(4)',
      'owner(4)': 'same',
    });
  });

  it('only an owner removes, and removed stays', () => {
    const removal: Record<string, string> = {};
    for (const epoch of [1, 2, 3, 4]) {
      removal[`owner(${String(epoch)})`] = `removed(${String(epoch + 1)})`;
      removal[`removed(${String(epoch)})`] = 'same';
    }
    expect(outcomes((entry) => remove(entry, desktop, NOW))).toEqual(removal);
  });

  it('a desktop is made above all that is known, and never where it is owned', () => {
    const creation: Record<string, string> = { none: 'owner(1)' };
    for (const entry of entries)
      if (entry !== null && entry.state !== 'owner')
        creation[nameOf(entry)] = `owner(${String(entry.epoch + 1)})`;
    expect(outcomes((entry) => createdHere(entry, desktop, NOW))).toEqual(creation);
  });

  it('only its owner at this epoch may do what needs one', () => {
    const owned = entries.filter((entry) => {
      try {
        assertOwner(entry, desktop, 3, 'copy');
        return true;
      } catch {
        return false;
      }
    });
    expect(owned.map(nameOf)).toEqual(['owner(3)']);
  });

  it('a release is to a host, at an epoch', () => {
    const released = entries.filter((entry) => isReleasedTo(entry, 3, there));
    expect(released.map(nameOf)).toEqual(['released(3)']);
    expect(entries.some((entry) => isReleasedTo(entry, 3, sibling))).toBe(false);
    expect(isReleasedTo({ desktop, epoch: 3, state: 'released', peer: null, atMs: 0 }, 3, there)).toBe(false);
  });

  it('the decision is known from the epoch on', () => {
    expect(Object.fromEntries(entries.map((entry) => [nameOf(entry), decisionOn(entry, 3)]))).toEqual({
      ...below(3, 'undecided'),
      'owner(3)': 'owner',
      'refused(3)': 'refused',
      'released(3)': 'gone',
      'removed(3)': 'gone',
      ...Object.fromEntries(STATES.map((state) => [`${state}(4)`, 'gone'])),
    });
  });
});

describe('a record', () => {
  it('says whose it is, with whom, and since when', () => {
    const of = (state: OwnershipRecord['state'], epoch: number, peer: HostRef | null) => ({
      desktop,
      epoch,
      state,
      peer,
      atMs: NOW,
    });
    const owner = { ...of('owner', 2, there), atMs: 0 };
    expect(release(owner, desktop, 3, sibling, NOW)).toEqual(of('released', 3, sibling));
    expect(accept(null, desktop, 3, here, NOW)).toEqual(of('owner', 3, here));
    expect(refuse(null, desktop, 3, here, NOW)).toEqual(of('refused', 3, here));
    expect(retract(owner, desktop, 2, NOW)).toEqual(of('refused', 2, there));
    expect(reclaim({ ...owner, state: 'released' }, desktop, 2, NOW)).toEqual(of('owner', 3, null));
    expect(remove(owner, desktop, NOW)).toEqual(of('removed', 3, null));
    expect(createdHere(null, desktop, NOW)).toEqual(of('owner', 1, null));
  });

  it.each([
    { epoch: 0 },
    { epoch: 1.5 },
    { state: 'paused' },
    { peer: 'west/h1' },
    { desktop: '../d1' },
    { atMs: 'now' },
  ])('with %j is none', (wrong) => {
    const right = { desktop, epoch: 1, state: 'owner', peer: null, atMs: 0 };
    expect(OwnershipRecord.parse(right)).toEqual(right);
    expect(OwnershipRecord.safeParse({ ...right, ...wrong }).success).toBe(false);
  });

  it('is what a fenced command is told, so that it can start again from there', () => {
    const told = (entry: Entry, epoch: number) => {
      try {
        assertOwner(entry, desktop, epoch, 'copying');
        return null;
      } catch (error) {
        return error;
      }
    };
    expect(told(null, 3)).toMatchObject({
      code: 'FENCED',
      message: expect.stringMatching(/d1.*copying with epoch 3.*no record/) as string,
      details: { desktop, epoch: 3, recordEpoch: 0, recordState: 'none' },
    });
    expect(told({ desktop, epoch: 5, state: 'released', peer: there, atMs: 0 }, 3)).toMatchObject({
      message: expect.stringMatching(/released at epoch 5/) as string,
      details: { desktop, epoch: 3, recordEpoch: 5, recordState: 'released' },
    });
    expect(() => remove(null, desktop, NOW)).toThrow(/removal with epoch 0/);
    expect(() =>
      remove({ desktop, epoch: 5, state: 'released', peer: there, atMs: 0 }, desktop, NOW),
    ).toThrow(/removal with epoch 5/);
    expect(() =>
      createdHere({ desktop, epoch: 5, state: 'owner', peer: there, atMs: 0 }, desktop, NOW),
    ).toThrow(/creation with epoch 5/);
  });
});
