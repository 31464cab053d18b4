import { planWithHighs } from '../../../../drivers/solver/plan-with-highs.js';
import type { PlanRequest } from '../../../../domain/placement/request/model.js';

/** No loss up to 40 ms, then more than the distance itself. */
const FILM = [1, 1, 1, 1, 1, 60, 85, 100, 140, 170, 200];
const desktop = (id: string, feltRttMs?: number[]) => ({
  id,
  rank: 0.8,
  site: 'here',
  memoryGB: 1,
  diskGB: 2,
  rttMs: { here: 40, there: 10, far: 100 },
  ...(feltRttMs === undefined ? {} : { feltRttMs }),
});
const site = (id: string, slots: number) => ({ id, kind: 'regional' as const, slots });
const request = (...desktops: PlanRequest['desktops']): PlanRequest => ({
  sites: [site('here', 4), site('there', 1), site('far', 1)],
  desktops,
});

describe("a plan's gain", () => {
  it('is of the round trips that the session feels: the slot goes to the one that gains', async () => {
    const plan = await planWithHighs(request(desktop('film', FILM), desktop('plain')));
    expect(plan.moves.map((m) => [m.desktop, m.to, m.gainMs])).toEqual([['plain', 'there', 0.8 * 30]]);
    expect(plan.notMoved).toEqual([
      {
        desktop: 'film',
        reason: 'there would be nearer, but its session runs as well at the distance of here (40 ms)',
      },
    ]);
    expect(plan.gap).toBe(0);
  });

  it('shows both round trips in the reason, and equation 1 is of the felt ones', async () => {
    const film = { ...desktop('film', FILM), site: 'far' };
    const [move] = (await planWithHighs(request(film))).moves;
    expect(move).toMatchObject({ rttBeforeMs: 100, benefit: 0.6 * 99 + 0.4 * 99, gainMs: 0.8 * 99 });
    expect(move!.reason).toContain('felt as 100 -> 1');
  });

  it('refuses a curve that falls with distance', async () => {
    await expect(planWithHighs(request(desktop('odd', [...FILM].reverse())))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('do not fall with distance') as unknown,
    });
  });
});
