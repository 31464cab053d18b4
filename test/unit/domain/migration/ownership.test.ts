import {
  accept,
  assertOwner,
  createdHere,
  decisionOn,
  isReleasedTo,
  reclaim,
  refuse,
  release,
  remove,
  type OwnershipRecord,
} from '../../../../domain/migration/ownership.js';
import { DesktopId, HostId, SiteId } from '../../../../domain/model/ids.js';

const d = DesktopId.parse('d1');
const a = { site: SiteId.parse('west'), host: HostId.parse('h1') };
const b = { site: SiteId.parse('east'), host: HostId.parse('h1') };
const owner = (epoch: number): OwnershipRecord => ({
  desktop: d,
  epoch,
  state: 'owner',
  peer: null,
  atMs: 0,
});

describe('ownership', () => {
  it('goes from source to target with one epoch more', () => {
    const released = release(owner(1), d, 2, b, 5);
    expect(released).toMatchObject({ state: 'released', epoch: 2, peer: b });
    expect(accept(null, d, 2, a, 6)).toMatchObject({ state: 'owner', epoch: 2 });
  });

  it('gives the same record when a step is repeated', () => {
    const released = release(owner(1), d, 2, b, 5);
    expect(release(released, d, 2, b, 9)).toBe(released);
    const accepted = accept(null, d, 2, a, 6);
    expect(accept(accepted, d, 2, a, 9)).toBe(accepted);
    const refused = refuse(null, d, 2, a, 6);
    expect(refuse(refused, d, 2, a, 9)).toBe(refused);
  });

  it('never lets a target accept what it refused, nor refuse what it accepted', () => {
    expect(() => accept(refuse(null, d, 2, a, 1), d, 2, a, 2)).toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    );
    expect(() => refuse(accept(null, d, 2, a, 1), d, 2, a, 2)).toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    );
  });

  it('lets the source reclaim only what it released', () => {
    const released = release(owner(1), d, 2, b, 5);
    expect(reclaim(released, d, 2, 7)).toMatchObject({ state: 'owner', epoch: 3 });
    expect(() => reclaim(owner(1), d, 2, 7)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it('releases over epochs that the target has spent, and only from the one that the source owns', () => {
    expect(release(owner(1), d, 5, b, 0, 1)).toMatchObject({ state: 'released', epoch: 5 });
    expect(() => release(owner(3), d, 5, b, 0, 1)).toThrow(expect.objectContaining({ code: 'FENCED' }));
    expect(() => release(owner(5), d, 5, b, 0, 5)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it('does not take a release to one host for a release to another', () => {
    const released = release(owner(1), d, 2, b, 5);
    expect(isReleasedTo(released, 2, b)).toBe(true);
    expect(isReleasedTo(released, 2, a)).toBe(false);
    expect(() => release(released, d, 2, a, 6)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it('refuses commands of an older epoch', () => {
    expect(() => assertOwner(owner(5), d, 4, 'copy')).toThrow(expect.objectContaining({ code: 'FENCED' }));
    expect(() => assertOwner(release(owner(5), d, 6, b, 0), d, 6, 'copy')).toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    );
    expect(() => accept(owner(5), d, 4, a, 0)).toThrow(expect.objectContaining({ code: 'FENCED' }));
    expect(() => release(owner(5), d, 9, b, 0)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it.each([
    [null, 'undecided'],
    [owner(1), 'undecided'],
    [accept(null, d, 2, a, 0), 'owner'],
    [refuse(null, d, 2, a, 0), 'refused'],
    [release(owner(2), d, 3, b, 0), 'gone'],
    [remove(owner(1), d, 0), 'gone'],
  ] as const)('reads the decision on epoch 2 from %j as %s', (record, decision) => {
    expect(decisionOn(record, 2)).toBe(decision);
  });

  it('lets only the owner remove a desktop, once', () => {
    const removed = remove(owner(3), d, 7);
    expect(removed).toMatchObject({ state: 'removed', epoch: 4, peer: null });
    expect(remove(removed, d, 9)).toBe(removed);
    for (const record of [null, release(owner(3), d, 4, b, 0), refuse(null, d, 2, a, 0)])
      expect(() => remove(record, d, 7)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it('fences everything that was said of a desktop once it is removed', () => {
    const removed = remove(owner(3), d, 7);
    for (const step of [
      () => assertOwner(removed, d, 3, 'copy'),
      () => release(removed, d, 4, b, 0),
      () => accept(removed, d, 4, a, 0),
      () => refuse(removed, d, 4, a, 0),
      () => reclaim(removed, d, 4, 0),
    ])
      expect(step).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });

  it('numbers a desktop that is created again above what was known of it', () => {
    expect(createdHere(remove(owner(3), d, 0), d, 1)).toMatchObject({ epoch: 5, state: 'owner' });
    expect(createdHere(release(owner(3), d, 4, b, 0), d, 1).epoch).toBe(5);
    expect(() => createdHere(owner(3), d, 1)).toThrow(expect.objectContaining({ code: 'FENCED' }));
  });
});
