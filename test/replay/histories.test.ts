// Workflows must replay the histories of releases before (test/histories, made by scripts/record-histories.ts): one that does not would
// stop every move under way at an upgrade.
import { recorded, unfit } from './recorded.js';

const histories = recorded();

describe('workflow replay', () => {
  it('has a recorded history of every workflow and outcome', () => {
    expect(histories.map((h) => h.name)).toEqual(
      expect.arrayContaining(
        ['moved', 'cancelled', 'forced', 'failed-memory', 'refused']
          .map((outcome) => `migrate-${outcome}`)
          .concat('rebalance', 'shadow-loop'),
      ),
    );
  });

  it.each(histories)(
    'replays $name',
    async (history) => {
      expect(await unfit([history])).toEqual([]);
    },
    60_000,
  );

  it('notices a history that the workflow would not have made', async () => {
    const moved = histories.find((h) => h.name === 'migrate-moved');
    const forged = JSON.parse(
      JSON.stringify(moved).replaceAll('"prepareReplica"', '"somethingElse"'),
    ) as typeof moved;
    expect(await unfit([forged!])).toEqual(['migrate-moved']);
  }, 60_000);
});
