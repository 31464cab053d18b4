// One schedule of the model: steps are chosen by numbers, then everything heals and the last attempt runs to its end.
import { VmshadowError } from '../../../../../domain/errors.js';
import { Scheduler, settle } from './scheduler.js';
import { HUGE, STRANGER, World, type Mends } from './world.js';

/** What may happen beside the turns of what is under way; each at most as often as the number says. */
const EVENTS = {
  'second attempt': 1,
  'third attempt': 1,
  'heartbeat of the first attempt is refused': 1,
  'dom0 of the source dies': 1,
  'dom0 of the target dies': 1,
  'the waiting copy dies': 1,
  'the next record fails before it stands': 1,
  'the next record fails after it stands': 1,
  'roll back the source': 1,
  'drop the target': 1,
  'a stranger commits at the source': 1,
  'a stranger commits at the target': 1,
} as const;
export type Event = keyof typeof EVENTS;
export const EVENT_NAMES = Object.keys(EVENTS) as Event[];

export type Step =
  { readonly kind: 'turn' | 'lose'; readonly at: number } | { readonly kind: 'event'; readonly event: Event };

export interface Outcome {
  readonly problems: readonly string[];
  readonly trace: readonly string[];
}

const LOST = () => new VmshadowError('HOST_UNREACHABLE', 'model: the message was lost');
/** Far above what any schedule needs: a run that does not end is a finding. */
const MAX_TURNS = 2_000;

/** Play a schedule to its end and tell which promises it broke. */
export async function play(steps: readonly Step[], mends: Mends): Promise<Outcome> {
  const scheduler = new Scheduler();
  const world = new World(scheduler, mends);
  const happened = new Set<Event>();
  const firstHeartbeat = new AbortController();
  const running = new Set<Promise<unknown>>();
  const follow = (work: Promise<unknown>) => {
    const quiet = work.catch(() => undefined).finally(() => running.delete(quiet));
    running.add(quiet);
  };
  const happen = (event: Event) => {
    if (happened.has(event)) return;
    happened.add(event);
    scheduler.trace.push(`-- ${event}`);
    switch (event) {
      case 'second attempt':
      case 'third attempt':
        return follow(world.source.attempt(new AbortController().signal));
      case 'heartbeat of the first attempt is refused':
        return firstHeartbeat.abort(new Error('model: given up'));
      case 'dom0 of the source dies':
        world.source.process.kill();
        return world.startSource();
      case 'dom0 of the target dies':
        world.target.process.kill();
        return world.startTarget();
      case 'the waiting copy dies':
        if (world.east.incoming !== 'none') world.east.incoming = 'dead';
        return;
      case 'the next record fails before it stands':
        world.failWrite = 'before';
        return;
      case 'the next record fails after it stands':
        world.failWrite = 'after';
        return;
      case 'roll back the source':
        return follow(world.source.rollBack('source'));
      case 'drop the target':
        return follow(world.target.rollBack('target'));
      case 'a stranger commits at the source':
        return follow(world.source.commitFrom(STRANGER, HUGE));
      case 'a stranger commits at the target':
        return follow(world.target.commitFrom(STRANGER, HUGE));
    }
  };

  follow(world.source.attempt(firstHeartbeat.signal));
  await settle();
  for (const step of steps) {
    if (step.kind === 'event') {
      happen(step.event);
      await settle();
    } else await take(scheduler, step);
    world.check();
    if (world.problems.length > 0) return { problems: world.problems, trace: scheduler.trace };
  }
  await heal(scheduler, world);
  return { problems: world.problems, trace: scheduler.trace };
}

async function take(
  scheduler: Scheduler,
  { kind, at }: { kind: 'turn' | 'lose'; at: number },
): Promise<void> {
  const pending = scheduler.pending();
  if (pending.length === 0) return;
  const chosen = at % pending.length;
  const isMessage = /^(ask|answer):/.test(pending[chosen]?.label ?? '');
  if (kind === 'lose' && isMessage) await scheduler.break(chosen, LOST());
  else await scheduler.release(chosen);
}

/** Everything lives and answers again: what is under way ends, and Temporal's last attempt, then its roll-back, find the desktop running once. */
async function heal(scheduler: Scheduler, world: World): Promise<void> {
  world.failWrite = 'no';
  const drain = async () => {
    for (let n = 0; scheduler.pending().length > 0; n++) {
      if (n > MAX_TURNS) return world.problems.push('it never ends');
      await scheduler.release(0);
      world.check();
      if (world.problems.length > 0) return;
    }
    return;
  };
  const finish = async (work: Promise<unknown>): Promise<boolean> => {
    let ended: boolean | null = null;
    void work.then(
      () => (ended = true),
      () => (ended = false),
    );
    await settle();
    await drain();
    if (ended === null && world.problems.length === 0) world.problems.push('the last attempt never ends');
    return ended === true;
  };
  await drain();
  if (world.problems.length > 0) return;
  if (!(await finish(world.source.attempt(new AbortController().signal)))) {
    await finish(world.source.rollBack('source'));
    await finish(world.target.rollBack('target'));
  }
  world.check();
  if (world.problems.length === 0 && world.runningAt() === '')
    world.problems.push('it runs nowhere, for ever');
  if (world.west.record?.epoch === HUGE || world.east.record?.epoch === HUGE)
    world.problems.push('a stranger has spent the epochs');
}
