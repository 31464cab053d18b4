// Records the histories of every workflow and outcome for the replay tests: `npx tsx scripts/record-histories.ts` after a change that
// is meant to be incompatible. A change that is not must replay the old ones.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { CloudConfig } from '../domain/model/cloud.js';
import { HostRef } from '../domain/model/ids.js';
import { ensureRebalanceSchedule, ensureShadowLoop } from '../temporal/bootstrap.js';
import { LOOP } from '../temporal/contract/loop.js';
import { MOVE, type MoveSignal } from '../temporal/contract/move.js';
import { migrateId, rebalanceScheduleId, shadowLoopId } from '../temporal/contract/names.js';
import { ControlPlane } from '../test/support/control-plane.js';
import { FakeCloud, fakeDesktop, type Fault } from '../lab/fakes/fake-host.js';

/** Stack traces name the files of this checkout: nobody else's. */
const checkout = fileURLToPath(new URL('../', import.meta.url));
const capacity = { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 };
const cloudConfig = CloudConfig.parse({
  sites: ['us-west', 'us-east'].map((id, i) => ({
    id,
    kind: 'regional',
    hosts: [
      {
        id: 'h1',
        peer: { address: `192.0.2.${String(i + 1)}`, port: 7443 },
        probe: { address: `192.0.2.${String(i + 1)}`, port: 7946 },
      },
    ],
  })),
  policy: { cycleMs: 1000, migration: { graceMs: 0 }, placement: { hysteresisMs: 0 } },
});

const plane = await ControlPlane.start();
const cloud = new FakeCloud();
const west = await cloud.add(HostRef.parse({ site: 'us-west', host: 'h1' }), capacity, '198.18.0.1');
const east = await cloud.add(HostRef.parse({ site: 'us-east', host: 'h1' }), capacity, '198.18.1.1');
for (const host of [west, east]) await plane.startHost(host.context);
await plane.startManager();
await ensureShadowLoop(plane.client, cloudConfig);
await ensureRebalanceSchedule(plane.client, cloudConfig);
const loop = plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));

async function save(name: string, workflowId: string): Promise<void> {
  const history = await plane.client.workflow.getHandle(workflowId).fetchHistory();
  await writeFile(
    new URL(`../test/histories/${name}.json`, import.meta.url),
    historyToJSON(history).replaceAll(checkout, ''),
  );
  console.log(`${name}: ${String(history.events?.length ?? 0)} events`);
}

async function move(
  name: string,
  options: { at?: 'source' | 'target'; fault?: Fault; signal?: MoveSignal } = {},
): Promise<void> {
  const definition = fakeDesktop(name);
  await west.give(definition);
  const faulty = options.at === 'target' ? east : west;
  if (options.fault !== undefined) faulty.faults.add(options.fault);
  await loop.executeUpdate(LOOP.requestMove, { args: [{ desktop: name, site: 'us-east' }] });
  const handle = plane.client.workflow.getHandle(migrateId(definition.id));
  if (options.signal !== undefined) {
    await sleep(2_500);
    await handle.signal(options.signal);
  }
  await handle.result().catch(() => undefined);
  faulty.faults.clear();
  await save(`migrate-${name}`, migrateId(definition.id));
  for (const host of [west, east]) host.desktops.delete(name);
}

await move('moved');
await move('cancelled', { fault: 'disk never ends', signal: MOVE.cancelMove });
await move('forced', { fault: 'memory never converges', signal: MOVE.forceSwitchover });
await move('failed-memory', { fault: 'memory breaks' });
await move('refused', { at: 'target', fault: 'target dies after confirm' });
await plane.client.schedule.getHandle(rebalanceScheduleId(cloudConfig.pool)).trigger();
await sleep(3_000);
for await (const run of plane.client.workflow.list({ query: 'WorkflowType = "rebalance"' }))
  await save('rebalance', run.workflowId);
await save('shadow-loop', shadowLoopId(cloudConfig.pool));
await plane.stop();
await cloud.remove();
