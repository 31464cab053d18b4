import { NOT_MEASURED, type Recorded } from '../../../../bench/book/chapter.js';
import { CHAPTERS } from '../../../../bench/book/entries.js';
import { bookPage } from '../../../../bench/book/page.js';

const nothing = () => null;
const recorded = (raw: unknown): Recorded => ({
  at: '2026-11-30T11:00:00Z',
  machine: { cores: 2, node: 'v20' },
  raw,
});

describe('the book of the evaluation', () => {
  it("has a chapter for each table and figure of the paper's evaluation", () => {
    const titles = CHAPTERS.map((c) => c.title).join('\n');
    for (const name of [
      'Table 1',
      'Table 2',
      'Table 3',
      'Table 4',
      'Figure 4',
      'Figure 9',
      'Figure 10',
      'Figure 11',
    ])
      expect(titles).toContain(name);
    expect(titles).toContain('Figures 12 and 13');
  });

  it('says of each cell that was not measured so, and names no figure of ours', () => {
    for (const chapter of CHAPTERS) {
      const body = bookPage([chapter], nothing);
      expect([chapter.title, body.includes(NOT_MEASURED)]).toEqual([chapter.title, true]);
      expect(body).not.toMatch(/NaN|undefined|null/);
    }
  });

  it('does the same with results of another shape', () => {
    const odd = bookPage(CHAPTERS, () => recorded({ cells: 'none', sessions: [1] }));
    expect(odd).not.toMatch(/NaN|undefined/);
    expect(odd.match(/not measured/g)?.length).toBeGreaterThan(10);
  });

  it('puts our figures beside those of the paper, with command and conditions', () => {
    const raw = {
      acts: [{ at: 'T1', what: 'videos leave', moves: ['vm1 to us-east'], west: [], east: ['vm1'] }],
      responses: { vm1: { west: 126, east: 41 } },
    };
    const chapters = CHAPTERS.filter((c) => c.bench === 'case-study');
    const body = bookPage(chapters, () => recorded(raw));
    expect(body).toMatch(/\| *video *\| *300 ms *\| *126\.0 ms *\| *41\.7 ms *\| *41\.0 ms *\|/);
    expect(body).toMatch(/\| *text *\| *not noticeable *\| *not measured *\|/);
    expect(body).toContain('`npm run bench -- case-study`, 2026-11-30, 2 cores');
  });
});
