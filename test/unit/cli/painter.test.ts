import fc from 'fast-check';
import { fitTo, makePainter } from '../../../cli/render/painter.js';
import { Terminal } from './terminal.js';

const text = ['one', 'two', 'three', 'four', 'five'].join('\n');

describe('a text that is fitted to a terminal', () => {
  it('stays as it is where there is room', () => {
    expect(fitTo(text, { columns: 5, rows: 7 })).toBe(text);
  });

  it('loses what is below, and says how much', () => {
    expect(fitTo(text, { columns: 80, rows: 5 }).split('\n')).toEqual([
      'one',
      'two',
      '... 3 more lines (make the terminal higher, or leave --watch away)',
    ]);
  });

  it.each([
    ['abcdef', 'abcd'],
    ['東京都庁', '東京'],
    ['a東京都', 'a東'],
    ['e\u0301e\u0301e\u0301e\u0301e\u0301', 'e\u0301e\u0301e\u0301e\u0301'],
  ])('loses what is right of its width, counted in columns (%s)', (line, cut) => {
    expect(fitTo(line, { columns: 4, rows: 24 })).toBe(cut);
  });
});

describe('a painter', () => {
  const line = fc.stringMatching(/^[a-d]{1,5}$/);
  it('shows the last text alone, whatever it painted before', () => {
    fc.assert(
      fc.property(fc.array(fc.array(line, { minLength: 1, maxLength: 6 }), { minLength: 2 }), (texts) => {
        const terminal = new Terminal();
        const painter = makePainter(terminal);
        for (const lines of texts) painter.paint(lines.join('\n'));
        expect(terminal.shown).toBe(texts.at(-1)!.join('\n'));
      }),
    );
  });

  it('takes away what it painted, and leaves what others wrote', () => {
    const terminal = new Terminal();
    terminal.write('$ vmshadow move\n');
    const painter = makePainter(terminal);
    painter.paint('one\ntwo');
    painter.clear();
    expect(terminal.shown).toBe('$ vmshadow move');
  });

  it('paints at a terminal that does not know its size', () => {
    const unknown = Object.assign(new Terminal(), { columns: 0, rows: 0 });
    makePainter(unknown).paint('one\ntwo');
    expect(unknown.shown).toBe('one\ntwo');
  });

  it('goes on in the next line with what is wider than the terminal, and takes that away too', () => {
    const terminal = new Terminal();
    const painter = makePainter(terminal);
    painter.paint('x'.repeat(terminal.columns + 2));
    expect(terminal.shown.split('\n').map((l) => l.length)).toEqual([terminal.columns, 2]);
    painter.paint('short');
    expect(terminal.shown).toBe('short');
  });
});
