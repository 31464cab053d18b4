// `npm run bench -- sampling-cost [--seconds=N]`: what dom0 pays for watching 50 desktops that are all in use, 25 of them films: processor time
// of the sampler with its children, the films' rate with and without it, and the looks that were taken. Needs root.
import { z } from 'zod';
import { section } from '../cli/render/table.js';
import type { BenchResult } from './bench-result.js';
import { DESKTOPS, FILMS, FILM_FPS, measureActive } from './sampling-cost/active.js';

export const Options = z.strictObject({
  seconds: z.coerce.number().int().min(30).max(600).default(60),
});

/** Run the benchmark. */
export async function run({ seconds }: z.infer<typeof Options>): Promise<BenchResult> {
  const { plain, sampled, share, looked, found } = await measureActive(seconds);
  const perSecond = (frames: number) => (frames / FILMS / seconds).toFixed(1);
  return {
    targets: [
      {
        name: `sampling ${DESKTOPS} active desktops, ${FILMS} of them films`,
        target: '< 10 % of a core',
        measured: `${(share * 100).toFixed(1)} %`,
        met: share < 0.1,
      },
      {
        name: 'desktops that were looked at, and whose screen was found',
        target: `${DESKTOPS} of ${DESKTOPS}`,
        measured: `${looked}, ${found}`,
        met: looked === DESKTOPS && found === DESKTOPS,
      },
      {
        name: 'frames that the films lose by being sampled',
        target: 'at most 1 %',
        measured: `${perSecond(plain)} -> ${perSecond(sampled)} frames/s of ${FILM_FPS}`,
        met: sampled >= 0.99 * plain,
      },
    ],
    table: section(
      'SAMPLING ACTIVE DESKTOPS',
      [{ head: '' }, { head: 'frames/s a film', right: true }, { head: '% of a core', right: true }],
      [
        ['not sampled', perSecond(plain), '0'],
        ['sampled', perSecond(sampled), (share * 100).toFixed(1)],
      ],
      'none',
    ),
    raw: { seconds, plain, sampled, share, looked, found },
  };
}
