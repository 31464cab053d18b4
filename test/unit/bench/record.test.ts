// The page that is kept of a benchmark's run.
import { recordPage, targetLine } from '../../../bench/record.js';

const target = { name: 'speed', target: '< 2 s', measured: '1 s', met: true };
const page = (table: string, files: Record<string, string> = {}) =>
  recordPage(
    'demo',
    '2026-01-01T00:00:00.000Z',
    { cores: 2, node: 'v20' },
    { targets: [target], table, files },
  );

describe('recordPage', () => {
  it('holds the targets and says which are met', () => {
    expect(page('x')).toContain('- **met** speed: target < 2 s; measured 1 s');
  });

  it('leaves a Markdown table as it is', () => {
    expect(page('| a | b |\n| --- | --- |\n| 1 | 2 |\n')).toContain(
      '\n| a | b |\n| --- | --- |\n| 1 | 2 |\n',
    );
    expect(page('| a |\n|---|\n| 1 |')).not.toContain('```');
  });

  it('fences columns that are made with spaces', () => {
    expect(page('name   ms\nx       1\n')).toContain('```text\nname   ms\nx       1\n```');
  });

  it('shows the plots', () => {
    expect(page('x', { 'demo.svg': '', 'demo.csv': '' })).toMatch(/!\[demo\]\(demo\.svg\)\n(?!.*csv)/);
  });
});

describe('targetLine', () => {
  it('says what is not met', () => {
    expect(targetLine({ ...target, met: false })).toBe('NOT met speed: target < 2 s, measured 1 s');
  });
});
