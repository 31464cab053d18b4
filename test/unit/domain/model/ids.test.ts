import { DesktopId, moveIdOf } from '../../../../domain/model/ids.js';

describe('moveIdOf', () => {
  it('names two moves of one desktop differently, though their runs began in the same minute', () => {
    const desktop = DesktopId.parse('d1');
    const first = moveIdOf(desktop, '01a202c2-5f1e-7c3a-9b04-52f1a3c9d811');
    const second = moveIdOf(desktop, '01a202c2-9d27-7e10-8a5b-0c6be2f4711e');
    expect(first).not.toBe(second);
    expect(first).toBe('d1-52f1a3c9d811');
  });
});
