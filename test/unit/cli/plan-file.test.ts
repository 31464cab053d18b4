import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planFromFile } from '../../../cli/commands/plan-file.js';
import { renderFilePlan } from '../../../cli/render/plan-file.js';
import { good } from '../domain/placement/small-inputs.js';

describe('planFromFile', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'plan-file-'))));
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (text: string) => {
    const path = join(folder, 'input.json');
    await writeFile(path, text);
    return path;
  };

  it('says what is wrong with a file that is not JSON, and what to write for NaN', async () => {
    await expect(planFromFile(await file('{"sites": [NaN]}'), {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/not valid JSON.*leave out/) as string,
    });
  });
  it('says that a file is missing', async () => {
    await expect(planFromFile(join(folder, 'none.json'), {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
  it('answers with the documented fields, and the cloud that they are of', async () => {
    const { plan, cloud } = await planFromFile(await file(JSON.stringify(good)), {});
    expect(cloud.desktops.map((d) => [d.id, d.site])).toEqual(good.desktops.map((d) => [d.id, d.site]));
    expect(plan).toMatchObject({
      algorithm: 'exact',
      objective: 0.9 * 90 + 0.9 * 10,
      gap: 0,
      bytesMoved: 28e9,
      moves: [
        { desktop: 'x', from: 'a', to: 'b', wave: 1, rttBeforeMs: 100, rttAfterMs: 10, cost: 14 },
        { desktop: 'y', from: 'b', to: 'a' },
      ],
      slotPrices: { a: 0, b: 0 },
    });
  });
  it('puts the options of the command line before the policy of the file', async () => {
    const path = await file(JSON.stringify({ ...good, policy: { algorithm: 'cost-aware', maxMoves: 2 } }));
    const { plan } = await planFromFile(path, { algorithm: 'exact', maxMoves: 1 });
    expect([plan.algorithm, plan.moves.length]).toEqual(['exact', 1]);
  });
  it('renders a table that names every move and everybody who stays', async () => {
    const { plan } = await planFromFile(await file(JSON.stringify(good)), { maxMoves: 1 });
    const text = renderFilePlan(plan);
    expect(text).toMatch(/1 move in 1 wave/);
    expect(text).toMatch(/x +a +b +100 ms +10 ms/);
    expect(text).toMatch(/STAY[^]*y /);
  });
});
