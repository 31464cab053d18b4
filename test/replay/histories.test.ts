// Workflows must replay the histories of releases before (test/histories, made by scripts/record-histories.ts): one that does not would
// stop every move under way at an upgrade.
import { readdirSync, readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { workflowSource } from '../../workers/manager.js';

const folder = new URL('../histories/', import.meta.url);
const names = readdirSync(folder).filter((n) => n.endsWith('.json'));

describe('workflow replay', () => {
  it('has a recorded history of every workflow and outcome', () => {
    expect(names).toEqual(
      expect.arrayContaining(
        ['moved', 'cancelled', 'forced', 'failed-memory', 'refused']
          .map((n) => `migrate-${n}.json`)
          .concat('rebalance.json', 'shadow-loop.json'),
      ),
    );
  });

  it.each(names)(
    'replays %s',
    async (name) => {
      const history = historyFromJSON(JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
      await Worker.runReplayHistory(workflowSource(), history, name.replace('.json', ''));
    },
    60_000,
  );

  it('notices a history that the workflow would not have made', async () => {
    const text = readFileSync(new URL('migrate-moved.json', folder), 'utf8');
    const forged = historyFromJSON(JSON.parse(text.replaceAll('"prepareReplica"', '"somethingElse"')));
    await expect(Worker.runReplayHistory(workflowSource(), forged, 'forged')).rejects.toThrow(
      /[Nn]ondeterminism|mismatch|[Dd]eterminis/,
    );
  }, 60_000);
});
