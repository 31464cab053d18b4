// One schedule of the model: steps are chosen by numbers, then everything heals and the last attempt runs to its end.
import { VmshadowError } from '../../../../../domain/errors.js';
import { Scheduler, settle } from './scheduler.js';
import { HUGE, STRANGER, World, type Mends } from './world.js';

/** What may happen beside the turns of what is under way, each at most once. */
export const EVENT_NAMES = [
  'second attempt',
  'third attempt',
  'heartbeat of the first attempt is refused',
  'dom0 of the source dies',
  'dom0 of the target dies',
  'the source loses its power',
  'the target loses its power',
  'the keeper of the source looks',
  'the keeper of the target looks',
  'the disk of the target fills up',
  'the disk of the source fills up',
  'the waiting copy dies',
  'the next record fails before it stands',
  'the next record fails after it stands',
  'roll back the source',
  'drop the target',
  'a stranger commits at the source',
  'a stranger commits at the target',
] as const;
type Event = (typeof EVENT_NAMES)[number];

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
  const effects: Record<Event, () => void> = {
    'second attempt': () => follow(world.source.attempt(new AbortController().signal)),
    'third attempt': () => follow(world.source.attempt(new AbortController().signal)),
    'heartbeat of the first attempt is refused': () => firstHeartbeat.abort(new Error('model: given up')),
    'dom0 of the source dies': () => {
      world.source.process.kill();
      world.startSource();
    },
    'dom0 of the target dies': () => {
      world.target.process.kill();
      world.startTarget();
    },
    'the source loses its power': () => {
      world.powerCut('west');
      follow(world.source.look());
    },
    'the target loses its power': () => {
      world.powerCut('east');
      follow(world.target.look());
    },
    'the keeper of the source looks': () => follow(world.source.look()),
    'the keeper of the target looks': () => follow(world.target.look()),
    'the disk of the target fills up': () => void (world.east.full = true),
    'the disk of the source fills up': () => void (world.west.full = true),
    'the waiting copy dies': () => {
      if (world.east.incoming !== 'none') world.east.incoming = 'dead';
    },
    'the next record fails before it stands': () => void (world.failWrite = 'before'),
    'the next record fails after it stands': () => void (world.failWrite = 'after'),
    'roll back the source': () => follow(world.source.rollBack('source')),
    'drop the target': () => follow(world.target.rollBack('target')),
    'a stranger commits at the source': () => follow(world.source.commitFrom(STRANGER, HUGE)),
    'a stranger commits at the target': () => follow(world.target.commitFrom(STRANGER, HUGE)),
  };

  follow(world.source.attempt(firstHeartbeat.signal));
  await settle();
  for (const step of steps) {
    if (step.kind === 'event') {
      if (!happened.has(step.event)) {
        happened.add(step.event);
        scheduler.trace.push(`-- ${step.event}`);
        effects[step.event]();
      }
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

/** Everything lives and answers again (a disk that is full stays so): what is under way ends, and Temporal's last attempt, then its roll-back, find the desktop running once. */
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
    const ended: boolean[] = [];
    void work.then(
      () => ended.push(true),
      () => ended.push(false),
    );
    await settle();
    await drain();
    if (ended.length === 0 && world.problems.length === 0) world.problems.push('the last attempt never ends');
    return ended[0] === true;
  };
  await drain();
  if (world.problems.length > 0) return;
  if (!(await finish(world.source.attempt(new AbortController().signal)))) {
    await finish(world.source.rollBack('source'));
    await finish(world.target.rollBack('target'));
  }
  for (const host of [world.source, world.target]) await finish(host.look());
  world.check();
  if (world.problems.length === 0 && world.runningAt() === '')
    world.problems.push('it runs nowhere, for ever');
  if (world.west.record?.epoch === HUGE || world.east.record?.epoch === HUGE)
    world.problems.push('a stranger has spent the epochs');
}
