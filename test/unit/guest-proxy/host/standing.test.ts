import { Standing } from '../../../../guest-proxy/host/standing.js';

it('tells what stood before from what was never there', () => {
  const standing = new Standing();
  const there = new Set(['a']);
  const look = (...wanted: string[]) => standing.look(wanted, (name) => there.has(name));
  expect(look('a', 'b')).toEqual([{ name: 'b', stood: false }]);
  there.clear();
  expect(look('a', 'b')).toEqual([
    { name: 'a', stood: true },
    { name: 'b', stood: false },
  ]);
});

it('begins anew with what was not wanted for a while', () => {
  const standing = new Standing();
  standing.look(['a'], () => true);
  standing.look([], () => false);
  expect(standing.look(['a'], () => false)).toEqual([{ name: 'a', stood: false }]);
});
