// Answers of the page's server that many ask for at once.
import { jest } from '@jest/globals';
import { Shared } from '../../../web/server/shared.js';

describe('a shared answer', () => {
  it('is asked for once while it is under way, however long that takes', async () => {
    let answer: (n: number) => void = () => undefined;
    const ask = jest.fn(() => new Promise<number>((resolve) => (answer = resolve)));
    const shared = new Shared<number>(-1);
    const all = Array.from({ length: 100 }, () => shared.get('x', ask));
    expect(ask).toHaveBeenCalledTimes(1);
    answer(7);
    expect(new Set(await Promise.all(all))).toEqual(new Set([7]));
    const next = shared.get('x', ask);
    expect(ask).toHaveBeenCalledTimes(2);
    answer(8);
    expect(await next).toBe(8);
  });

  it('is kept while it is fresh, failures too, and apart from answers to other questions', async () => {
    const shared = new Shared<string>(3_600_000);
    const failing = jest.fn(() => Promise.reject(new Error('away')));
    for (let i = 0; i < 3; i++) await expect(shared.get('x', failing)).rejects.toThrow('away');
    expect(failing).toHaveBeenCalledTimes(1);
    expect(await shared.get('y', () => Promise.resolve('there'))).toBe('there');
  });
});
