import { packPlanRequest } from '../../../../domain/placement/request/packed-request.js';
import { PackedPlanRequest } from '../../../../domain/placement/request/packed-shape.js';
import { randomInput } from './instances.js';

const packed = (seed: number) =>
  packPlanRequest(randomInput(seed, { desktops: 12, sites: 7, slack: 0.2, hosts: seed % 2 === 0 }));

describe('PackedPlanRequest', () => {
  it('takes whatever was packed, also an empty request and one of before rates and felt round trips', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const request = JSON.parse(JSON.stringify(packed(seed))) as unknown;
      expect(PackedPlanRequest.parse(request)).toEqual(request);
    }
    const empty = packPlanRequest({ sites: [], desktops: [] });
    expect(PackedPlanRequest.parse(empty)).toEqual(empty);
    const before = { ...packed(1), dirty: undefined, felt: undefined };
    expect(PackedPlanRequest.parse(before)).toEqual(before);
  });

  it.each<[string, (p: PackedPlanRequest) => Partial<Record<keyof PackedPlanRequest, unknown>>, string]>([
    [
      'kinds are cut',
      (p) => ({ kind: p.kind.slice(1) }),
      'kind: expected 3 characters for each of 12 desktops',
    ],
    ['a rank is missing', (p) => ({ rank: p.rank.slice(3) }), 'rank: expected 3 characters'],
    [
      'an id is missing',
      (p) => ({ ids: p.ids.replace('\n', '') }),
      'kind: expected 3 characters for each of 11',
    ],
    [
      'a line of round trips is missing',
      (p) => ({ rtts: p.rtts.replace('\n', '') }),
      'rtts: expected a line',
    ],
    [
      'a line of times is too many',
      (p) => ({ times: `${p.times}\n` }),
      'times: expected a line for each of 12',
    ],
    ['a kind is not there', () => ({ kinds: [] }), 'kind: desktop 0 is of a kind that is not there'],
    ['a site is not there', () => ({ siteNames: [] }), 'rtts: desktop 0 has round trips to a site'],
    ['round trips are cut', (p) => ({ rtts: p.rtts.slice(1) }), 'rtts: desktop 0 has round trips'],
    ['the rest is a list', () => ({ rest: [] }), 'rest: expected sites, policy and reservations'],
  ])('refuses a request where %s', (_, change, message) => {
    const request = packed(3);
    const { error } = PackedPlanRequest.safeParse({ ...request, ...change(request) });
    const lines = error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`) ?? [];
    expect(lines.join('\n')).toContain(message);
  });
});
