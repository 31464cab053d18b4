import { parseFilters } from '../../../cli/filters.js';
import { DESKTOP } from './fixture.js';

const holds = (...filters: string[]) =>
  parseFilters(filters, 'status')({ ...DESKTOP, rank: 0.7, user: '203.0.113.9:1' });

describe('filters of desktops', () => {
  it.each([
    ['desktop:video', true],
    ['desktop:vid', false],
    ['desktop:v*o', true],
    ['site:us-west', true],
    ['host:us-west/h1', true],
    ['host:*/h2', false],
    ['state:running', true],
    ['rank:>0.7', false],
    ['rank:>=0.7', true],
    ['rank:<0.71', true],
    ['rank:<=0.69', false],
    ['rank:=0.7', true],
    ['rank:0.7', true],
    ['user:203.0.113.*', true],
    ['user:203x0x113x9x1', false],
    ['user:*:1', true],
    ['move:no', true],
    ['problem:*', false],
  ])('%s', (filter, expected) => {
    expect(holds(filter)).toBe(expected);
  });

  it('hold together, and without any for all', () => {
    expect(holds('site:us-west', 'rank:>0.5')).toBe(true);
    expect(holds('site:us-west', 'rank:>0.9')).toBe(false);
    expect(holds()).toBe(true);
  });

  it('are refused all at once where they would match nothing for a slip of the pen', () => {
    const wrong = [
      'rank:>x',
      'rtt:fast',
      'rank:>NaN',
      'rank:=0x1',
      'move:maybe',
      'state:>1',
      'colour:red',
      'rank:',
    ];
    const refusal = (() => {
      try {
        holds('site:us-west', ...wrong);
        return '';
      } catch (error) {
        return String(error);
      }
    })();
    for (const filter of wrong) expect(refusal).toContain(`${filter}: `);
    expect(refusal).not.toContain('site:us-west: ');
  });

  it('are refused with the fields that are known', () => {
    for (const wrong of ['colour:red', 'rank', 'rank:', ':x', 'toString:x'])
      expect(() => holds(wrong)).toThrow(
        /fields are desktop, site, host, state, rank, .*\nSee `vmshadow status --help`/,
      );
  });

  it('take what is special in patterns as it is', () => {
    expect(holds('desktop:(')).toBe(false);
    expect(holds('user:203.0.113.9\\:1')).toBe(false);
  });
});
