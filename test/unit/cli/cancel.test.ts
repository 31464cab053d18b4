// What `vmshadow cancel` says of a move is what happened to it, and its exit code with it.
import { reportCancel } from '../../../cli/commands/move.js';
import type { CliContext } from '../../../cli/context.js';
import type { MoveStatus } from '../../../temporal/contract/move.js';
import { DesktopId, HostRef } from '../../../domain/model/ids.js';

const end = (part: Partial<MoveStatus>): MoveStatus =>
  ({
    desktop: DesktopId.parse('office'),
    from: HostRef.parse({ site: 'west', host: 'h1' }),
    to: HostRef.parse({ site: 'east', host: 'h2' }),
    phase: 'switchover',
    error: null,
    ...part,
  }) as MoveStatus;

function said(status: MoveStatus, json = false) {
  const lines = { out: '', note: '' };
  const context = {
    out: (text: string) => (lines.out += text),
    note: (text: string) => (lines.note += text),
  } as unknown as CliContext;
  return { exit: reportCancel(context, status, json), ...lines };
}

describe('vmshadow cancel', () => {
  it('that came in time says where the desktop still runs', () => {
    expect(said(end({ outcome: 'cancelled' }))).toEqual({
      exit: 0,
      out: 'office: cancelled in phase switchover, what was done is undone; the desktop runs at west/h1 as before',
      note: '',
    });
  });

  it.each(['switchover', 'cleanup'] as const)('that came too late says where it runs now (%s)', (phase) => {
    const outcome = phase === 'cleanup' ? 'running' : 'moved';
    const { exit, out, note } = said(end({ outcome, phase }));
    expect([exit, out]).toEqual([1, '']);
    expect(note).toMatch(/came too late: the desktop runs at east\/h2.*vmshadow move office west --force/);
  });

  it('of a move that had failed by itself says so', () => {
    const { exit, out } = said(
      end({ outcome: 'failed', error: { code: 'NO_CAPACITY', message: 'no room' } }),
    );
    expect(exit).toBe(0);
    expect(out).toMatch(/runs at west\/h1 as before; the move had failed by itself: no room/);
  });

  it('gives the move\u2019s account to programs', () => {
    const { exit, out } = said(end({ outcome: 'moved' }), true);
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'moved', to: { host: 'h2' } });
  });
});
