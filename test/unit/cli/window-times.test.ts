// Times of `vmshadow window add` that nobody can mean; none of them gets as far as a loop.
import { runCli } from '../../../cli/run.js';
import { AddWindow } from '../../../temporal/contract/window.js';

async function add(from: string, to: string): Promise<{ exit: number; notes: string }> {
  const notes: string[] = [];
  const exit = await runCli(['window', 'add', 'west', '--from', from, '--to', to], {
    out: () => undefined,
    note: (text) => notes.push(text),
    interactive: false,
    ask: null,
    env: {},
  });
  return { exit, notes: notes.join('\n') };
}

it.each([
  ['2026-02-31T22:00', '+2h'],
  ['2027-02-29', '+2h'],
  ['2026-04-31T10:00Z', '+2h'],
  ['2026-13-01T00:00', '+2h'],
  ['2026-12-01T25:00', '+2h'],
  ['2026-12-01T22:00', '2026-12-01T21:00'],
  ['tomorrow', '+2h'],
])('from %s to %s is refused as it was typed', async (from, to) => {
  const { exit, notes } = await add(from, to);
  expect(notes).toMatch(/--(from|to): expected a time/);
  expect(exit).toBe(64);
});

it('takes no time that cannot be written as a date: the loop says it in words', () => {
  const ask = { site: 'west', fromMs: 0, toMs: 9e15, leadMs: 0 };
  expect(AddWindow.safeParse(ask).success).toBe(false);
  expect(AddWindow.safeParse({ ...ask, toMs: 253_402_300_799_999 }).success).toBe(true);
});
