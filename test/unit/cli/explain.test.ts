import { renderExplanation } from '../../../cli/commands/explain.js';

describe('renderExplanation', () => {
  it('explains a desktop of which nothing has been seen', () => {
    const text = renderExplanation({
      desktop: 'd1',
      rank: null,
      rankPaper: null,
      rttMs: null,
      reasons: [],
      predicted: [],
    });
    expect(text).toContain('d1: rank - of 1');
    expect(text).toContain('nothing has been seen of it yet');
    expect(text).toContain('No prediction');
  });

  it('compares the sites that the user could have', () => {
    const predicted = [1, 100].map((rttMs) => ({
      rttMs,
      framesPerSecond: 24 - rttMs / 7,
      responseMs: rttMs + 40,
    }));
    const text = renderExplanation({
      desktop: 'd1',
      rank: 0.9,
      rankPaper: 0.7,
      rttMs: 95,
      rtts: { far: 95, near: 3 },
      user: { address: '198.51.100.2', port: 4 },
      reasons: ['because'],
      predicted,
    });
    expect(text.indexOf('near')).toBeLessThan(text.indexOf('far'));
    expect(text).toContain('user 198.51.100.2 port 4');
  });
});
