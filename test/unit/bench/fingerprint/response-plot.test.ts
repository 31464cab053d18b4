import { responsePlot } from '../../../../bench/fingerprint/response-plot.js';
import type { Measured } from '../../../../bench/fingerprint/sessions.js';

const measured = (workload: string, rttMs: number, percentiles: readonly number[]) =>
  ({ workload, rttMs, seen: { responsePercentilesMs: percentiles } }) as unknown as Measured;
const percentiles = Array.from({ length: 101 }, (_, p) => 40 + p / 10);

describe('responsePlot', () => {
  it('draws a panel an application and a line a distance', () => {
    const sessions = ['stream', 'video', 'web', 'text'].flatMap((workload) =>
      [1, 20, 100].map((rttMs) => measured(workload, rttMs, percentiles)),
    );
    const svg = responsePlot(sessions);
    for (const name of ['Figure 4: YouTube', 'Table 1', 'LAN (1 ms)', 'near (20 ms)', 'far (100 ms)'])
      expect(svg).toContain(name);
    expect(svg.match(/<path d="M/g)).toHaveLength(12);
  });

  it('leaves out what has no response times', () => {
    expect(responsePlot([measured('video', 20, [])])).not.toContain('<path d="M');
  });
});
