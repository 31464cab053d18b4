// The demo from the first desktop to the verdict, in a world that is there.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DesktopId, hostKey } from '../../domain/model/ids.js';
import { LabCloud } from '../cloud/lab-cloud.js';
import { desktopImage, type GuestImage } from '../images/locate.js';
import { prepareDisk } from '../images/prepare-disk.js';
import type { World } from '../net/world.js';
import { brokenPromises } from './demo-result.js';
import { awaitDecision, type Decision } from './await-decision.js';
import { followMove, type Followed } from './follow-move.js';
import { copiesOf, lastingLeftoversAt } from './leftovers.js';
import { demoResult, samplesOf } from './measure.js';
import type { Narrator } from './narrator.js';
import type { DemoOptions } from './options.js';
import { renderReport } from './report.js';
import { renderDemoTable } from './report-table.js';
import { DESKTOPS, demoDesktop, demoPolicy, demoSites } from './scenario.js';
import { VncSession } from './vnc-session.js';

/** A guest boots, under software emulation, with another one beside it, within this. */
const BOOT_WITHIN_MS = 150_000;
const DECIDE_WITHIN_MS = 180_000;
/** How long the session is watched after the move. */
const AFTER_MS = 20_000;

interface Scene {
  readonly world: World;
  readonly cloud: LabCloud;
  readonly sessions: ReadonlyMap<string, VncSession>;
  readonly startedAtMs: number;
  /** By desktop: the loop's newest cycle when its session showed the first frame. */
  readonly begunIn: ReadonlyMap<string, number>;
}

async function setTheScene(
  options: DemoOptions,
  narrator: Narrator,
  world: World,
  dir: string,
  signal: AbortSignal,
): Promise<Scene> {
  const image = desktopImage();
  const runDir = `/run/${world.plan.prefix}`;
  world.alsoRemove(runDir);
  narrator.say(`the WAN delays packets by ${world.delayedBy}; files and logs are in ${dir}`);
  const cloud = await LabCloud.start({
    world,
    dir,
    runDir,
    sites: demoSites(options),
    policy: demoPolicy(options),
    moveMbps: options.wanMbps,
    signal,
  });
  narrator.say(`Temporal, the manager and three dom0 workers run; web UI: ${cloud.uiAddress}`);
  const made = await Promise.all(
    DESKTOPS.map(async (d, i) => ({
      d,
      created: await cloud.createDesktop(
        demoDesktop(d, image, await diskOf(options, image, dir, i), options),
        d.user,
      ),
    })),
  );
  for (const { d, created } of made)
    narrator.say(
      `desktop ${d.id} (${d.activity}) boots in us-west; ${d.user} reaches it at ${created.external}:5901`,
    );
  const startedAtMs = Date.now();
  const sessions = await Promise.all(
    made.map(async ({ d, created }) => {
      const logFile = join(dir, `session-${d.user}.jsonl`);
      const session = await VncSession.start(
        world,
        { user: d.user, address: created.external, port: 5901, logFile, typeRate: d.typeRate },
        BOOT_WITHIN_MS,
        signal,
      );
      const { cycle } = await cloud.status();
      return { id: d.id, session, cycle };
    }),
  );
  narrator.say('both VNC clients show their desktops; from here on the shadow loop decides by itself');
  return {
    world,
    cloud,
    sessions: new Map(sessions.map(({ id, session }) => [id, session])),
    startedAtMs,
    begunIn: new Map(sessions.map(({ id, cycle }) => [id, cycle])),
  };
}

/** The image as it is, or a copy with as much data as was asked for; each desktop's data differ. */
async function diskOf(options: DemoOptions, image: GuestImage, dir: string, seed: number): Promise<string> {
  if (options.diskUsedMiB <= image.usedMiB) return image.disk;
  const disk = join(dir, `disk-${String(seed)}.raw`);
  await prepareDisk(image, disk, { diskMiB: options.diskMiB, usedMiB: options.diskUsedMiB, seed: seed + 1 });
  return disk;
}

async function judge(
  scene: Scene,
  decision: Decision,
  followed: Followed,
  socketsBefore: readonly string[],
  options: DemoOptions,
  narrator: Narrator,
): Promise<number> {
  const { cloud, sessions } = scene;
  const { move } = followed;
  const ranks = Object.fromEntries(decision.status.desktops.map((d) => [d.desktop, d.rank]));
  const session = sessions.get(move.desktop);
  const copies = await copiesOf(cloud, move.desktop);
  const status = await cloud.status();
  const events = session?.events() ?? [];
  const result = demoResult({
    ...followed,
    ranks,
    decidedInCycle: decision.cycle,
    frames: session?.frames() ?? [],
    socketsBefore,
    socketsAfter: (await session?.sockets()) ?? [],
    connections: events.filter((e) => e.event === 'connected').length,
    runningCopies: copies.length,
    leftovers: await lastingLeftoversAt(cloud, hostKey(move.from), move.desktop, move.oldExternal),
    recent: status.recent,
    startedAtMs: scene.startedAtMs,
  });
  const series = {
    startedAtMs: scene.startedAtMs,
    endedAtMs: Date.now(),
    desktops: DESKTOPS.map((d) => ({
      desktop: d.id,
      activity: d.activity,
      rank: ranks[d.id] ?? null,
      samples: samplesOf(sessions.get(d.id)?.frames() ?? []),
    })),
    moves: [
      {
        desktop: move.desktop,
        fromSite: move.from.site,
        toSite: move.to.site,
        rttBeforeMs: move.rttBeforeMs,
        rttAfterMs: move.rttAfterMs,
        phases: move.phases,
        stoppedAtMs: move.phases.findLast((p) => p.phase === 'switchover')?.startedAtMs ?? null,
      },
    ],
  };
  const world = `Three sites; ${String(options.rttWestMs)} ms from us-west to the users, ${String(options.rttEastMs)} ms from us-east; WAN ${String(options.wanMbps)} Mbit/s; desktops with ${String(options.memoryMiB)} MiB of RAM.`;
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, 'index.html'), renderReport({ result, series, world }));
  await writeFile(join(options.out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  narrator.endBar();
  console.log(`\n${renderDemoTable(result)}\n`);
  narrator.say(`report: ${join(options.out, 'index.html')}, figures: ${join(options.out, 'result.json')}`);
  return brokenPromises(result).length === 0 ? 0 : 1;
}

/** Set the scene, let the loop decide, follow the move and judge; gives the exit code. Throws on abort. */
export async function play(
  options: DemoOptions,
  narrator: Narrator,
  world: World,
  dir: string,
  signal: AbortSignal,
): Promise<number> {
  const scene = await setTheScene(options, narrator, world, dir, signal);
  const [video] = DESKTOPS;
  const session = scene.sessions.get(video?.id ?? '');
  const socketsBefore = (await session?.sockets()) ?? [];
  const desktop = DesktopId.parse(video?.id);
  const begunIn = scene.begunIn.get(desktop) ?? 0;
  const decision = await awaitDecision(scene.cloud, desktop, narrator, begunIn, DECIDE_WITHIN_MS, signal);
  const followed = await followMove(scene.cloud, desktop, narrator, signal);
  const { move } = followed;
  narrator.say(
    move.outcome === 'moved'
      ? `moved: ${hostKey(move.from)} to ${hostKey(move.to)}; watching the session a little longer`
      : `the move ended as ${move.outcome}: ${move.error?.message ?? ''}`,
  );
  await sleep(AFTER_MS, undefined, { signal });
  const code = await judge(scene, decision, followed, socketsBefore, options, narrator);
  if (options.keep) await keep(scene, narrator, signal);
  return code;
}

async function keep({ cloud, world }: Scene, narrator: Narrator, signal: AbortSignal): Promise<void> {
  const { clientNamespace } = world.user(DESKTOPS[0]?.user ?? '');
  const status = await cloud.status();
  const viewer = status.desktops.map(
    (d) =>
      `ip netns exec ${world.user(DESKTOPS.find((x) => x.id === d.desktop)?.user ?? '').clientNamespace} vncviewer ${d.external ?? ''}:${String(d.remoteDesktopPort)}   # ${d.desktop}`,
  );
  narrator.say('the world stays up until Ctrl-C. Ways to look at it, from another shell, as root:');
  console.log(
    [
      `  export TEMPORAL_ADDRESS=${cloud.temporalAddress}`,
      '  npx vmshadow status --watch',
      '  npx vmshadow move video us-west --force',
      `  web UI: ${cloud.uiAddress}`,
      ...viewer.map((v) => `  ${v}`),
      `  ip netns exec ${clientNamespace} bash      # the user's home`,
    ].join('\n'),
  );
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
