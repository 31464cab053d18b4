import { nextAddress } from '../../../../guest-proxy/host/external-pool.js';

const POOL = ['a', 'b', 'c'];
const next = (last: string | null, used: string[] = [], kept: string[] = []) =>
  nextAddress(POOL, last, new Set(used), kept);

it('gives the addresses of the pool in turn', () => {
  expect([next(null), next('a'), next('b'), next('c')]).toEqual(['a', 'b', 'c', 'a']);
});

it('passes over those that are used, and gives none where all are', () => {
  expect(next('a', ['b'])).toBe('c');
  expect(next('a', ['b', 'c'])).toBe('a');
  expect(next('a', POOL)).toBeUndefined();
});

it('takes one that old connections keep only where there is no other, the one kept longest', () => {
  expect(next('a', [], ['b'])).toBe('c');
  expect(next('a', ['a'], ['c', 'b'])).toBe('c');
  expect(next('a', ['a', 'c'], ['c', 'b'])).toBe('b');
  expect(next('a', ['a'], ['elsewhere', 'b', 'c'])).toBe('b');
});

it('begins at the first where the last one is of the pool no more', () => {
  expect(next('gone')).toBe('a');
});
