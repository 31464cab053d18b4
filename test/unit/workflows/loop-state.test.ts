import type { HostReport } from '../../../activities/host/desktops.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { HostRef } from '../../../domain/model/ids.js';
import { LoopState, type MoveUnderWay } from '../../../workflows/loop/loop-state.js';

describe('forgetGone', () => {
  const cloud = CloudConfig.parse({
    sites: [
      {
        id: 'west',
        kind: 'regional',
        hosts: [
          { id: 'h1', peer: { address: '192.0.2.1', port: 1 }, probe: { address: '192.0.2.1', port: 2 } },
        ],
      },
    ],
  });
  const report = {
    host: HostRef.parse({ site: 'west', host: 'h1' }),
    desktops: [{ definition: { id: 'here' } }],
  } as unknown as HostReport;
  const stateOf = (...desktops: string[]): LoopState => {
    const state = new LoopState(cloud, undefined);
    state.reports.set('west/h1', report);
    for (const desktop of desktops) state.lowSinceMs.set(desktop, 1);
    return state;
  };

  it('drops the clocks of desktops that no host has, but for those on their way', () => {
    const state = stateOf('here', 'gone', 'moving');
    state.moves.set('moving', {} as MoveUnderWay);
    state.forgetGone();
    expect([...state.lowSinceMs.keys()]).toEqual(['here', 'moving']);
  });

  it('drops nothing while a host could not be asked', () => {
    const state = stateOf('gone');
    state.problems.set('west/h1', 'down');
    state.forgetGone();
    expect([...state.lowSinceMs.keys()]).toEqual(['gone']);
  });
});
