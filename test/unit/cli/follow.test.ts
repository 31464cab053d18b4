import { follow as followAny, followMove, type MoveSource } from '../../../cli/follow.js';
import { VmshadowError } from '../../../domain/errors.js';
import type { MoveStatus } from '../../../temporal/contract/move.js';
import { desktopId, MOVE, MOVED } from './fixture.js';

type Answer = MoveStatus | null | VmshadowError;

/** A source that gives these answers one after the other, the last one for ever. */
function source(answers: Answer[], execution: string | null = 'RUNNING'): MoveSource {
  const next = (): Answer => (answers.length > 1 ? answers.shift() : answers[0]) ?? null;
  return {
    moveStatus: async () => {
      const answer = next();
      if (answer instanceof VmshadowError) throw answer;
      return answer;
    },
    moveExecution: async () => execution,
  };
}

async function follow(from: MoveSource, signal = new AbortController().signal) {
  const seen: string[] = [];
  const silences: string[] = [];
  const end = await followMove(from, {
    desktop: desktopId('video'),
    intervalMs: 1,
    signal,
    onProgress: (s) => seen.push(s.phase),
    onSilence: (reason) => silences.push(reason),
  });
  return { end, seen, silences };
}

const silence = new VmshadowError('CONTROL_PLANE', 'no answer');

describe('following a move', () => {
  it('ends when the disks are compared, before the grace time of the old disk', async () => {
    const compared = { ...MOVED, diskHashes: { source: 'a', target: 'a', equal: true } };
    const { end, seen } = await follow(source([MOVE, MOVED, compared, MOVED]));
    expect(end).toEqual(compared);
    expect(seen).toEqual(['memory', 'cleanup', 'cleanup']);
  });

  it.each(['failed', 'cancelled'] as const)('ends at once when it %s', async (outcome) => {
    const { end } = await follow(source([MOVE, { ...MOVE, outcome }]));
    expect(end?.outcome).toBe(outcome);
  });

  it('waits while the control plane is away, and says so once', async () => {
    const { end, silences } = await follow(
      source([MOVE, silence, silence, MOVE, silence, { ...MOVE, outcome: 'failed' }]),
    );
    expect(end?.outcome).toBe('failed');
    expect(silences).toEqual(['no answer', 'no answer']);
  });

  it('gives any other error to the caller', async () => {
    await expect(follow(source([new VmshadowError('INTERNAL', 'x')]))).rejects.toThrow('x');
  });

  it('says so when somebody terminated the workflow', async () => {
    await expect(follow(source([MOVE], 'TERMINATED'))).rejects.toThrow(/ended from outside \(TERMINATED\)/);
    await expect(follow(source([null], null))).rejects.toThrow(/not found/);
  });

  it('stops when asked to; a decided outcome is still reported', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect((await follow(source([MOVE]), controller.signal)).end).toBeNull();
    const second = new AbortController();
    setTimeout(() => second.abort(), 20);
    expect((await follow(source([MOVED]), second.signal)).end).toEqual(MOVED);
  });
});

describe('following any workflow', () => {
  const ended = (execution: string | null, statuses: readonly (string | null)[] = []) => {
    const left = [...statuses];
    return followAny(
      {
        status: async () => {
          const outcome = left.length > 1 ? left.shift() : left[0];
          return outcome == null ? null : { outcome };
        },
        execution: async () => execution,
        isOver: ({ outcome }) => outcome !== 'running',
        endedOutside: (how) => new VmshadowError('INTERNAL', `ended: ${how}`),
      },
      {
        intervalMs: 1,
        signal: new AbortController().signal,
        onProgress: () => undefined,
        onSilence: () => undefined,
      },
    );
  };

  it('waits for one that an operator has paused', async () => {
    expect(await ended('PAUSED', ['running', 'running', 'made'])).toEqual({ outcome: 'made' });
  });

  it.each([
    ['TERMINATED', ['running'], /ended: TERMINATED/],
    [null, [null], /ended: not found/],
  ])('does not wait for one that is %s', async (execution, statuses, why) => {
    await expect(ended(execution, statuses)).rejects.toThrow(why);
  });
});
