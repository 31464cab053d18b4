import { CloudConfig } from '../../../domain/model/cloud.js';
import { constraintWords, DesktopConstraints } from '../../../domain/model/constraints.js';
import { DesktopId, HostRef, hostKey } from '../../../domain/model/ids.js';
import { packPlanRequest, unpackPlanRequest } from '../../../domain/placement/request/packed-request.js';
import { ConstrainDesktop } from '../../../temporal/contract/requests.js';
import { constrainDesktop, violationBy } from '../../../workflows/loop/constraints.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { planRequest } from '../../../workflows/loop/plan-request.js';
import { desktopReport } from './desktop-report.js';

const host = (id: string, provides?: string[]) => ({
  id,
  peer: { address: '192.0.2.1', port: 1 },
  probe: { address: '192.0.2.1', port: 2 },
  ...(provides === undefined ? {} : { provides }),
});
const cloud = CloudConfig.parse({
  sites: [
    { id: 'west', kind: 'regional', hosts: [host('h1'), host('h2', ['a100'])] },
    { id: 'east', kind: 'regional', provides: ['cad'], hosts: [host('h1'), host('h2', ['a100'])] },
  ],
});
const ref = (text: string) => HostRef.parse({ site: text.split('/')[0], host: text.split('/')[1] });
const id = (text: string) => DesktopId.parse(text);

/** A cloud in which every host answers, with desktops where they are said to be. */
function stateWith(places: Record<string, string>): LoopState {
  const state = new LoopState(cloud, undefined);
  for (const self of state.hosts()) {
    const here = Object.entries(places).filter(([, at]) => at === hostKey(self));
    state.reports.set(hostKey(self), {
      host: self,
      atMs: 1,
      capacity: { vcpus: 8, memoryMiB: 8_192, diskMiB: 8_192, slots: 8 },
      used: { vcpus: 0, memoryMiB: 0, diskMiB: 0, slots: 0 },
      desktops: here.map(([desktop]) => desktopReport(desktop)),
      fingerprints: [],
      users: [],
    });
  }
  return state;
}
const constrain = (state: LoopState, desktop: string, constraints: object, clear = false) =>
  constrainDesktop(state, ConstrainDesktop.parse({ desktop, constraints, clear }));
const lab = (per: 'host' | 'site') => [{ group: 'lab', per }];

describe('constrainDesktop', () => {
  it('replaces the fields that are named and keeps the others; clear drops them', () => {
    const state = stateWith({ d: 'west/h1' });
    constrain(state, 'd', { pinned: true, allowedSites: ['west'] });
    expect(constrain(state, 'd', { allowedSites: ['west', 'east'], requires: ['cad'] })).toEqual({
      pinned: true,
      allowedSites: ['west', 'east'],
      requires: ['cad'],
    });
    expect(constrain(state, 'd', { pinned: false })).not.toHaveProperty('pinned');
    expect(constrain(state, 'd', { forbiddenSites: ['east'] }, true)).toEqual({ forbiddenSites: ['east'] });
    expect(constrain(state, 'd', {}, true)).toEqual({});
    expect(state.constraints.size).toBe(0);
  });

  it.each<[string, string, object, string]>([
    ['a desktop that is not there', 'x', { pinned: true }, 'UNKNOWN_DESKTOP'],
    ['a site that is not there', 'd', { allowedSites: ['mars'] }, 'UNKNOWN_SITE'],
    [
      'a site allowed and forbidden',
      'd',
      { allowedSites: ['east'], forbiddenSites: ['east'] },
      'INPUT_INVALID',
    ],
  ])('refuses %s, and changes nothing', (_case, desktop, constraints, code) => {
    const state = stateWith({ d: 'west/h1' });
    expect(() => constrain(state, desktop, constraints)).toThrow(expect.objectContaining({ code }) as Error);
    expect(state.constraints.size).toBe(0);
  });

  it('takes no field that it does not understand', () => {
    expect(DesktopConstraints.safeParse({ pined: true }).success).toBe(false);
    expect(DesktopConstraints.safeParse({ requires: ['a b'] }).success).toBe(false);
  });

  it('is forgotten with the desktop, not with a host that is silent', () => {
    const state = stateWith({ d: 'west/h1' });
    constrain(state, 'd', { pinned: true });
    state.reports.set('west/h1', { ...state.reports.get('west/h1')!, desktops: [] });
    state.forgetGone();
    expect(state.constraints.size).toBe(1);
    state.forget(id('d'));
    expect(state.constraints.size).toBe(0);
  });
});

describe('violationBy', () => {
  it.each<[string, object, string, RegExp | null]>([
    ['a pin', { pinned: true }, 'west/h2', /it is pinned/],
    [
      'residency',
      { allowedSites: ['west'] },
      'east/h1',
      /east is not among the sites that it may be at \(west\)/,
    ],
    ['residency kept', { allowedSites: ['west'] }, 'west/h2', null],
    ['a forbidden site', { forbiddenSites: ['east'] }, 'east/h1', /it may not be at east/],
    ['a class', { requires: ['a100'] }, 'east/h1', /east\/h1 does not provide a100/],
    ['a class of the host', { requires: ['a100', 'cad'] }, 'east/h2', null],
    ['a class of the site', { requires: ['cad'] }, 'east/h1', null],
    [
      'another of its group',
      { antiAffinity: lab('host') },
      'east/h1',
      /friend of its group lab is at east\/h1/,
    ],
    ['the host beside it', { antiAffinity: lab('host') }, 'east/h2', null],
    ['another of its group at the site', { antiAffinity: lab('site') }, 'east/h2', null],
    [
      'a group that is elsewhere',
      { affinity: lab('host') },
      'east/h2',
      /parted from its group lab \(mate at west\/h1\)/,
    ],
    ['a group that is there', { affinity: lab('host') }, 'west/h1', null],
  ])('finds %s', (_case, constraints, to, said) => {
    const state = stateWith({ d: 'west/h1', friend: 'east/h1', mate: 'west/h1', free: 'east/h2' });
    constrain(state, 'd', constraints);
    constrain(state, 'friend', { antiAffinity: lab('host') });
    constrain(state, 'mate', { affinity: lab('host') });
    const found = violationBy(state, id('d'), ref(to));
    if (said === null) expect(found).toBeNull();
    else expect(found).toMatch(said);
  });

  it('counts a desktop on its way where it goes, and a group that goes together as together', () => {
    const state = stateWith({ d: 'west/h1', mate: 'west/h1' });
    for (const who of ['d', 'mate']) constrain(state, who, { affinity: lab('site') });
    expect(violationBy(state, id('d'), ref('east/h1'))).toMatch(/parted/);
    const heading = new Map([[id('mate'), ref('east/h2')]]);
    expect(violationBy(state, id('d'), ref('east/h1'), new Map(), heading)).toBeNull();
    for (const who of ['d', 'mate']) constrain(state, who, { antiAffinity: lab('host') }, true);
    expect(violationBy(state, id('d'), ref('east/h1'))).toBeNull();
    expect(violationBy(state, id('d'), ref('east/h1'), new Map([[id('mate'), ref('east/h1')]]))).toMatch(
      /apart/,
    );
  });
});

describe('planRequest', () => {
  it('carries constraints and what sites and hosts provide, packed and back', () => {
    const state = stateWith({ d: 'west/h1', free: 'west/h1' });
    constrain(state, 'd', { pinned: true, requires: ['cad'], affinity: lab('site') });
    const request = planRequest(state, 1_000);
    expect(request.sites.map((s) => [s.provides, s.hosts?.map((h) => h.provides)])).toEqual([
      [undefined, [undefined, ['a100']]],
      [['cad'], [undefined, ['a100']]],
    ]);
    const carried = unpackPlanRequest(packPlanRequest(request)).desktops;
    expect(carried[0]).toMatchObject({ id: 'd', pinned: true, requires: ['cad'], affinity: lab('site') });
    expect(carried[1]).not.toHaveProperty('pinned');
  });

  it('names only sites that are planned with, and never allows more by that', () => {
    const state = stateWith({ d: 'west/h1' });
    constrain(state, 'd', { allowedSites: ['east'] });
    for (const at of ['east/h1', 'east/h2']) state.problems.set(at, 'silent');
    expect(planRequest(state, 1_000).desktops[0]).toMatchObject({ allowedSites: [] });
  });
});

describe('constraintWords', () => {
  it('says each in a line, and nothing of nothing', () => {
    expect(constraintWords({})).toEqual([]);
    const all = { pinned: true, allowedSites: [], forbiddenSites: [], requires: ['cad'] };
    expect(constraintWords({ ...all, antiAffinity: [{ group: 'lab', per: 'site' }] })).toEqual([
      'pinned: stays where it is',
      'only at no site',
      'never at ',
      'requires cad',
      'apart from its group lab (per site)',
    ]);
  });
});
