// One move by the driver's own steps, as the activities take them, and what each of its phases took.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { decideConvergence, expectedPauseMs } from '../../domain/migration/convergence.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { MigrationPolicy } from '../../domain/model/policy.js';
import { TAP } from '../../test/system/qemu/two-hosts.js';
import { CpuWatch } from './cpu.js';
import { WAN, type SiteName, type Stage } from './stage.js';

const LOOK_MS = 250;
const NEVER = new AbortController().signal;

const stored = { literal: z.number(), page: z.number(), difference: z.number(), reference: z.number() };
const Sent = z.object({ raw: z.object({ ...stored, zero: z.number() }), stored: z.object(stored) });
export type Sent = z.infer<typeof Sent>;

export const Moved = z.object({
  /** IP bytes at the interface of the source, towards the target and back. */
  diskBytes: z.number(),
  memoryBytes: z.number(),
  backBytes: z.number(),
  diskMs: z.number(),
  memoryMs: z.number(),
  switchoverMs: z.number(),
  totalMs: z.number(),
  /** From the guest's stop to its going on at the target, by one clock. */
  pauseMs: z.number(),
  /** As QEMU counts it. */
  downtimeMs: z.number(),
  rounds: z.number(),
  cpuSeconds: z.number(),
  sameDisk: z.boolean(),
  /** By how it went, where relays carried it: bytes of the streams, and what they took on the wire. */
  sent: z.object({ disk: Sent, memory: Sent }).nullable(),
});
export type Moved = z.infer<typeof Moved>;

/** Move the desktop; it stays at the target, and nothing of it at the source but the cache. */
export async function moveAndMeasure(
  stage: Stage,
  definition: DesktopDefinition,
  from: SiteName,
  to: SiteName,
  moveId: string,
): Promise<Moved> {
  const move = { desktop: definition.id, moveId };
  const [source, target] = [stage.hosts[from], stage.hosts[to]];
  const rule = MigrationPolicy.parse({});
  const cpu = await CpuWatch.start([stage.folderOf('west'), stage.folderOf('east')]);
  const [sentBefore, backBefore] = [await stage.sent(from), await stage.sent(to)];
  const begun = performance.now();
  const disk = await target.driver.prepareDisk(move, definition, source.self);
  await source.driver.startDiskCopy(move, disk, WAN.mbps);
  await source.driver.makeSynchronous(move, NEVER);
  const [diskDone, sentDisk] = [performance.now(), await stage.sent(from)];
  const memory = await target.driver.prepareMemory(move, definition, TAP, source.self);
  await source.driver.startMemoryCopy(move, memory, WAN.mbps);
  const { rounds, pauseBudgetMs } = await untilConverged(stage, from, move, rule);
  const memoryDone = performance.now();
  let stoppedAt = 0;
  const result = await source.driver.switchover(
    move,
    pauseBudgetMs,
    () => (stoppedAt = performance.now()),
    NEVER,
  );
  await target.driver.confirmComplete(move);
  await target.driver.activate(move, true);
  const ended = performance.now();
  const [sentAll, backAll] = [await stage.sent(from), await stage.sent(to)];
  const cpuSeconds = await cpu.stop();
  const sent = disk.relay === undefined ? null : (await stage.relayStatus(from, move)).streams;
  await source.driver.retireSource(move);
  const [there, here] = await Promise.all([
    target.driver.hashSnapshot(move, NEVER),
    source.driver.hashRetired(move, NEVER),
  ]);
  await source.driver.removeRetired(move);
  return {
    diskBytes: sentDisk - sentBefore,
    memoryBytes: sentAll - sentDisk,
    backBytes: backAll - backBefore,
    diskMs: diskDone - begun,
    memoryMs: memoryDone - diskDone,
    switchoverMs: ended - memoryDone,
    totalMs: ended - begun,
    pauseMs: ended - stoppedAt,
    downtimeMs: result.downtimeMs,
    rounds,
    cpuSeconds,
    sameDisk: there === here,
    sent,
  };
}

async function untilConverged(
  stage: Stage,
  from: SiteName,
  move: { desktop: DesktopDefinition['id']; moveId: string },
  rule: MigrationPolicy,
): Promise<{ rounds: number; pauseBudgetMs: number }> {
  const startedAt = performance.now();
  const history: number[] = [];
  let round = 0;
  for (;;) {
    const now = await stage.hosts[from].driver.memoryProgress(move);
    if (!['setup', 'active'].includes(now.state))
      throw new Error(`pre-copy is ${now.state}: ${now.error ?? ''}`);
    if (now.round > round) {
      round = now.round;
      if (round > 1) history.push(expectedPauseMs(now.remainingBytes, now.bytesPerSecond));
    }
    const elapsedMs = performance.now() - startedAt;
    const decision = decideConvergence({ ...now, elapsedMs, history, forced: false }, rule);
    if (decision.kind === 'switch') return { rounds: now.round, pauseBudgetMs: decision.pauseBudgetMs };
    await sleep(LOOK_MS);
  }
}
