import { renderBar, renderMoveEnd, renderMoveLine, renderPhase } from '../../../cli/render/move-line.js';
import { MOVE, MOVED } from './fixture.js';

describe('the line of a move', () => {
  it.each([
    [0, '[..........]'],
    [49, '[####......]'],
    [100, '[##########]'],
    [250, '[##########]'],
    [-3, '[..........]'],
    [Number.NaN, '[..........]'],
  ])('draws %p percent as %p', (percent, bar) => {
    expect(renderBar(percent, 10)).toBe(bar);
  });

  it('says from where to where', () => {
    expect(renderMoveLine(MOVE)).toMatch(/^video {2}us-west\/h1 -> us-east\/h1 {2}\[/);
  });

  it('names no rate and no time left before anything moves', () => {
    const early = {
      ...MOVE,
      phase: 'preflight' as const,
      percent: 0,
      etaMs: null,
      wanBytes: { disk: 0, memory: 0 },
    };
    const progress = { ...MOVE.progress, bytesPerSecond: 0, diskTotalBytes: 0, memoryTotalBytes: 0 };
    expect(renderMoveLine({ ...early, progress })).toMatch(/0 % {2}preflight \(1\/6\)$/);
  });

  it('says how much of the disk or of memory the target has, and what is left once rounds go over it again', () => {
    expect(renderMoveLine({ ...MOVE, phase: 'async-disk' })).toContain('1 GB of 1 GB  WAN 360 MB');
    expect(renderMoveLine(MOVE)).toContain('round 1)  100 MB of 200 MB  WAN 360 MB  60 Mbit/s');
    expect(renderMoveLine({ ...MOVE, progress: { ...MOVE.progress, round: 2 } })).toContain(
      '  100 MB left  ',
    );
    expect(renderMoveLine(MOVED)).toContain('moved, cleaning up  WAN 510 MB');
  });

  it('says what relays have saved, in all on the way and by how at the end', () => {
    const saved = { zero: 0, known: 300_000_000, unchanged: 20_000_000, compressed: 400_000_000 };
    expect(renderMoveLine({ ...MOVE, progress: { ...MOVE.progress, saved } })).toContain(
      'WAN 360 MB (720 MB saved)',
    );
    expect(renderMoveEnd({ ...MOVED, progress: { ...MOVED.progress, saved } })).toContain(
      'saved    720 MB (400 MB compressed away, 300 MB known there, 20 MB unchanged)',
    );
  });

  it('says that the source is still being cleaned after the commit', () => {
    expect(renderPhase(MOVED)).toBe('moved, cleaning up');
    const phases = MOVED.phases.map((p) => ({ ...p, endedAtMs: p.endedAtMs ?? 1 }));
    expect(renderPhase({ ...MOVED, phases })).toBe('moved');
  });
});

describe('the end of a move', () => {
  it('gives pause, bytes, phases and RTTs', () => {
    const text = renderMoveEnd(MOVED);
    expect(text).toContain('video moved us-west/h1 -> us-east/h1');
    expect(text).toContain('410 ms (hypervisor), 520 ms from stop to run; held packets: 17');
    expect(text).toContain('300 MB disk, 210 MB memory');
    expect(text).toContain('preflight 2 s, async-disk 38 s, sync-switch 500 ms, memory 16.5 s');
    expect(text).toContain('100.2 ms -> 20.4 ms');
    expect(text).not.toContain('disks');
  });

  it('shouts when the disks differ', () => {
    const diskHashes = { source: 'a', target: 'b', equal: false };
    expect(renderMoveEnd({ ...MOVED, diskHashes })).toContain('DIFFERENT');
    expect(renderMoveEnd({ ...MOVED, diskHashes: { ...diskHashes, equal: true } })).toContain(
      'disks    equal',
    );
  });

  it('says why a move was not made and where the desktop runs', () => {
    const error = { code: 'NO_CAPACITY', message: 'no slot at us-east/h1' };
    const text = renderMoveEnd({ ...MOVE, outcome: 'failed', error });
    expect(text).toContain('(failed): no slot at us-east/h1 (NO_CAPACITY)');
    expect(text).toContain('The desktop runs at us-west/h1.');
  });
});
