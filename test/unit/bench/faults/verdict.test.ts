import type { Observed } from '../../../../bench/faults/observed.js';
import { judge } from '../../../../bench/faults/verdict.js';

const stream = { kind: 'feed', lost: null, errors: 0, guestErrors: 0, received: 100, alive: true } as const;
const whole: Observed = {
  phase: 'pre-copy',
  fault: 'kill-manager',
  atMs: 0,
  applies: true,
  hitAt: 'source owner 1, target none',
  hit: true,
  outcome: 'moved',
  error: null,
  mostRunning: 1,
  load: 1,
  sent: [],
  stillS: 1,
  restarted: false,
  killedAt: null,
  owner: 'b/h1',
  copies: ['b/h1'],
  disksEqual: true,
  guest: { badBlocks: 0, diskErrors: 0, memoryErrors: 0 },
  streams: [stream, { ...stream, kind: 'answers' }],
  orphans: [],
  repaired: [],
  safeS: 10,
};
const of = (change: Partial<Observed>) => judge({ ...whole, ...change });

it('is green where one copy runs whole at its owner and nothing is left', () => {
  expect(of({})).toEqual({ kind: 'green', why: [] });
});

it.each<[string, Partial<Observed>]>([
  ['two copies ran', { mostRunning: 2 }],
  ['it runs nowhere', { copies: [] }],
  ['there are two copies at the end', { copies: ['a/h1', 'b/h1'] }],
  ['it runs where it is not owned', { owner: 'a/h1' }],
  ['nobody owns it', { owner: null }],
  ['the disks differ', { disksEqual: false }],
  ['the guest does not answer', { guest: null }],
  ['a block is not what memory says', { guest: { badBlocks: 1, diskErrors: 0, memoryErrors: 0 } }],
  ['memory changed', { guest: { badBlocks: 0, diskErrors: 0, memoryErrors: 1 } }],
  ['the guest booted again though nobody killed it', { restarted: true }],
  ['the guest booted again though the other copy was killed', { restarted: true, killedAt: 'a/h1' }],
  ['a connection was lost', { streams: [{ ...stream, lost: 'reset' }] }],
  ['a connection stands still', { streams: [{ ...stream, alive: false }] }],
  ['a record was doubled', { streams: [{ ...stream, errors: 1 }] }],
  ['the guest saw a record twice', { streams: [{ ...stream, guestErrors: 1 }] }],
  ['something is left', { orphans: ['file disks/d1'] }],
  ['it took for ever', { safeS: null }],
  ['the move has not ended', { outcome: 'running' }],
  ['it stood still for long', { stillS: 7 }],
  ['it stood still for longer than a busy machine does', { load: 50, stillS: 19 }],
  ['it stood still for longer than explained', { phase: 'after-release', fault: 'cut-5s', stillS: 16 }],
])('fails where %s', (_, change) => {
  expect(of(change)).toMatchObject({ kind: 'failing', why: [expect.any(String)] });
});

it.each<[string, Partial<Observed>]>([
  [
    'the very copy that is to run was killed',
    { fault: 'kill-target-qemu', killedAt: 'b/h1', restarted: true, streams: [{ ...stream, lost: 'reset' }] },
  ],
  ['nobody can ask the target meanwhile', { phase: 'after-release', fault: 'cut-60s', stillS: 65 }],
  ['the machine does much else', { load: 5, stillS: 14 }],
  ['dom0 is away', { phase: 'pre-switchover', fault: 'kill-source-dom0', stillS: 12 }],
])('explains, with its bound, that it stands still or boots where %s', (_, change) => {
  expect(of(change)).toMatchObject({ kind: 'explained', why: [expect.any(String)] });
});

it('counts no run that came too late, and knows what has nothing to hit', () => {
  expect(of({ hit: false, mostRunning: 2 }).kind).toBe('missed');
  expect(of({ applies: false }).kind).toBe('no-target');
});
