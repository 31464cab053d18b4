import { covers, placeKey, placeOf, type DrainPlace } from '../../../../domain/drain/place.js';
import { standingOf, type DrainTerms, type Resident } from '../../../../domain/drain/standing.js';
import { inTurns } from '../../../../domain/drain/turns.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { DrainPlace as PlaceShape } from '../../../../domain/drain/place.js';

const host = (site: string, id = 'h1') => HostRef.parse({ site, host: id });
const place = (site: string, id?: string): DrainPlace =>
  PlaceShape.parse({ site, ...(id === undefined ? {} : { host: id }) });

describe('a place that is emptied', () => {
  it('covers its hosts and no other', () => {
    expect(covers(place('west'), host('west', 'h2'))).toBe(true);
    expect(covers(place('west', 'h1'), host('west', 'h2'))).toBe(false);
    expect(covers(place('west', 'h1'), host('east', 'h1'))).toBe(false);
  });

  it('is found for a host, the whole site before the host', () => {
    const places = [place('west', 'h1'), place('west')];
    expect(placeKey(placeOf(places, host('west'))!)).toBe('west');
    expect(placeKey(placeOf(places.slice(0, 1), host('west'))!)).toBe('west/h1');
    expect(placeOf(places, host('east'))).toBeUndefined();
  });
});

describe('inTurns', () => {
  const move = (name: string) => ({ name, party: name.slice(0, 1) });
  const order = (wanted: string, underWay = '') =>
    inTurns(
      wanted.split(' ').map(move),
      underWay.split(' ').filter(Boolean).map(move),
      (m: { party: string }) => m.party,
    )
      .map((m) => m.name)
      .join(' ');

  it.each([
    ['one party keeps its order', 'a1 a2 a3', '', 'a1 a2 a3'],
    ['a small party is not behind a large one', 'a1 a2 a3 a4 b1', '', 'a1 b1 a2 a3 a4'],
    ['what is under way counts', 'a1 a2 b1 b2 b3', 'a8 a9', 'b1 b2 a1 b3 a2'],
    ['three take turns', 'a1 a2 b1 b2 c1', '', 'a1 b1 c1 a2 b2'],
    ['the order of the first moves decides among even ones', 'b1 a1 b2 a2', '', 'b1 a1 b2 a2'],
  ])('%s', (_, wanted, underWay, then) => {
    expect(order(wanted, underWay)).toBe(then);
  });

  it('lets nobody starve and loses nobody, however many there are', () => {
    const wanted = Array.from({ length: 500 }, (_, i) => `a${String(i)}`).concat('b0', 'c0', 'c1');
    const turns = order(wanted.join(' ')).split(' ');
    expect(new Set(turns)).toEqual(new Set(wanted));
    expect(turns.slice(0, 5).sort()).toEqual(['a0', 'a1', 'b0', 'c0', 'c1']);
  });
});

describe('standingOf', () => {
  const free: Resident = {
    desktop: 'd1',
    at: host('west'),
    movingTo: null,
    silence: null,
    state: 'running',
    sparedUntil: null,
    planned: null,
    notStarted: null,
    stays: null,
  };
  const terms = { paused: false, noPlan: null, nowMs: 1_000 };
  const limit = '4 moves are under way, the limit is 4';

  it.each<[string, Partial<Resident>, Partial<DrainTerms>, string, RegExp]>([
    ['one that moves', { movingTo: host('east'), silence: 'x' }, {}, 'moving', /to east\/h1 is under way/],
    [
      'one whose host is silent',
      { silence: 'no dom0', state: 'stopped' },
      {},
      'held',
      /does not answer: no dom0/,
    ],
    ['one that is stopped', { state: 'stopped' }, {}, 'held', /is stopped.*desktop start d1/],
    [
      'one whose move was cancelled',
      { sparedUntil: { ms: 2_000, inWords: 'then' } },
      {},
      'held',
      /cancelled.*at then/,
    ],
    ['the same, later', { sparedUntil: { ms: 900, inWords: 'then' } }, {}, 'waiting', /next cycle/],
    ['all in a pause', { planned: { to: 'east', wave: 1 } }, { paused: true }, 'held', /unpause/],
    ['all without a plan', {}, { noPlan: 'the solver fell over' }, 'waiting', /fell over/],
    [
      'one that waits for the limits',
      { planned: { to: 'east', wave: 1 }, notStarted: limit },
      {},
      'waiting',
      /limit is 4/,
    ],
    ['one that waits for room', { planned: { to: 'east', wave: 2 } }, {}, 'waiting', /made room/],
    [
      'one that the plan leaves',
      { stays: 'west is to be emptied, but it finds no place' },
      {},
      'held',
      /no place/,
    ],
  ])('says of %s what it waits for or what holds it', (_, facts, more, is, why) => {
    expect(standingOf({ ...free, ...facts }, { ...terms, ...more })).toEqual({
      is,
      why: expect.stringMatching(why),
    });
  });
});
