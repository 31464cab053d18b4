// What `vmshadow reconcile` prints: first what somebody has to do, each with the words for it.
import { renderReconciled } from '../../../cli/commands/reconcile.js';
import { DesktopId, HostRef, PoolId } from '../../../domain/model/ids.js';
import type { ReconcileItem, ReconcileResult } from '../../../temporal/contract/reconcile.js';

const host = HostRef.parse({ site: 'west', host: 'h1' });
const desktop = DesktopId.parse('office');
const item = (words: string, part: Partial<ReconcileItem> = {}): ReconcileItem => ({
  kind: 'stale-address',
  desktop,
  host,
  words,
  repair: { do: 'detach', host, desktop },
  person: null,
  outcome: 'repaired',
  error: null,
  ...part,
});
const result = (items: ReconcileItem[], part: Partial<ReconcileResult> = {}): ReconcileResult => ({
  pool: PoolId.parse('main'),
  dryRun: false,
  items,
  moving: [],
  ...part,
});

describe('vmshadow reconcile', () => {
  it('says that nothing is left over', () => {
    expect(renderReconciled(result([]))).toBe('nothing is left over');
  });

  it('sorts by what is to be done, and says what could not be', () => {
    const text = renderReconciled(
      result(
        [
          item('A'),
          item('B', { outcome: 'failed', error: 'no answer' }),
          item('C', { outcome: 'found', repair: null }),
          item('D', { outcome: 'found', repair: null, person: 'do this' }),
        ],
        { moving: ['video'] },
      ),
    );
    expect(text.split('\n')).toEqual([
      'NEEDS A PERSON',
      '  D',
      '    -> do this',
      'REPAIRED',
      '  A',
      'COULD NOT BE REPAIRED (tried again by the next run)',
      '  B',
      '    no answer',
      'WAITS',
      '  C',
      'left alone, in a move: video',
    ]);
  });

  it('says that a dry run has changed nothing', () => {
    expect(renderReconciled(result([item('A', { outcome: 'found' })], { dryRun: true })).split('\n')).toEqual(
      ['WOULD BE REPAIRED', '  A', '(a dry run: nothing was changed)'],
    );
  });
});
