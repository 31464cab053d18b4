// An upgrade with moves under way: whatever a move was doing when the managers of the release before ended, the present code must come to
// the same commands from its history, or the move stands still. The cut histories are those of recorded moves, in each phase.
import { PHASES, type Phase } from '../../domain/migration/phases.js';
import { changedCode, cutsOf, recorded, unfit } from './recorded.js';

const histories = recorded();
const cuts = histories.filter((h) => h.name.startsWith('migrate-')).flatMap(cutsOf);

/** What each phase waits for longest: a cut where that is under way must be among those of the phase. */
const LONGEST: Record<Phase, string> = {
  preflight: 'checkSource',
  'async-disk': 'copyDisk',
  'sync-switch': 'switchToSync',
  memory: 'copyMemory',
  switchover: 'switchover',
  cleanup: 'hashSnapshot',
};

describe('an upgrade', () => {
  it.each(PHASES)(
    'takes up a move that is in the middle of %s',
    async (phase) => {
      const there = cuts.filter((c) => c.phase === phase);
      expect(there.map((c) => c.underWay)).toContain(LONGEST[phase]);
      expect(await unfit(there)).toEqual([]);
    },
    120_000,
  );

  it('takes up a loop wherever its run is', async () => {
    const loop = histories.filter((h) => h.name === 'shadow-loop').flatMap(cutsOf);
    expect(loop.length).toBeGreaterThan(50);
    expect(await unfit(loop.filter((_, i) => i % 10 === 0))).toEqual([]);
  }, 120_000);

  it.each(PHASES)(
    'would stop the moves that are in %s, and none before, if the phase commanded anything else',
    async (phase) => {
      const [moved] = histories.filter((h) => h.name === 'migrate-moved');
      const all = cutsOf(moved!);
      const from = all.findIndex((c) => c.underWay === LONGEST[phase]);
      const code = changedCode(`.${LONGEST[phase]}(`, '.somethingElse(');
      expect(await unfit(all, code)).toEqual(all.slice(from).map((c) => c.name));
    },
    120_000,
  );
});
