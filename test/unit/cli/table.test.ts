import { renderTable } from '../../../cli/render/table.js';

describe('renderTable', () => {
  const columns = [{ head: 'desktop' }, { head: 'GB', right: true }, { head: 'reason' }];

  it('aligns thousands of rows as one table, wide characters and long cells included, and cuts none', () => {
    const rows = Array.from({ length: 1_050 }, (_, i) => [
      i === 1_040 ? '桌面' : `d${i}`,
      String(i === 120 ? 123_456 : i % 7),
      i === 7 ? 'x'.repeat(300) : `because ${i}`,
    ]);
    const lines = renderTable(columns, rows).split('\n');
    expect(lines).toHaveLength(1 + rows.length);
    expect(lines[0]).toBe('desktop      GB  reason');
    expect(lines[1]).toBe('d0            0  because 0');
    expect(lines[8]).toBe(`d7            0  ${'x'.repeat(300)}`);
    expect(lines[121]).toBe('d120     123456  because 120');
    expect(lines[1_041]).toBe('桌面          4  because 1040');
    expect(lines[1_050]).toBe('d1049         6  because 1049');
  });

  it('is its heads where there are no rows', () => {
    expect(renderTable(columns, [])).toBe('desktop  GB  reason');
  });
});
