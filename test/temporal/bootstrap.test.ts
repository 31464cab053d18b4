// What a manager does at its start, on a server that has the loop begin a new run (continue-as-new) every few cycles.
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudConfig } from '../../domain/model/cloud.js';
import { HostRef } from '../../domain/model/ids.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import { FakeCloud } from '../../lab/fakes/fake-host.js';
import { ControlPlane } from '../support/control-plane.js';

const EVENTS_A_RUN = 60;
const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const endpoint = (port: number) => ({ address: '192.0.2.1', port });
const cloudOf = (...sites: string[]) =>
  CloudConfig.parse({
    sites: sites.map((id) => ({
      id,
      kind: 'regional',
      hosts: [{ id: 'h1', peer: endpoint(7443), probe: endpoint(7946) }],
    })),
    policy: { cycleMs: 500, act: false },
  });
let plane: ControlPlane;
let cloud: FakeCloud;

beforeAll(async () => {
  plane = await ControlPlane.start({
    dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${String(EVENTS_A_RUN)}`],
  });
  cloud = new FakeCloud();
  const host = await cloud.add(west, { slots: 2, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 }, '198.18.0.1');
  await plane.startHost(host.context);
  await plane.startManager();
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

describe('a manager that starts', () => {
  it('tells a loop that has long begun a new run of the cloud as it is now, and the loop keeps what it knew', async () => {
    await ensureShadowLoop(plane.client, cloudOf('us-west'));
    const loop = plane.client.workflow.getHandle(shadowLoopId(cloudOf('us-west').pool));
    await loop.executeUpdate(LOOP.setPolicy, { args: [{ cycleMs: 600 }] });
    const { runId } = await loop.describe();
    const { cycle } = await loop.query(LOOP.status);
    while ((await loop.describe()).runId === runId) await sleep(100);
    await ensureShadowLoop(plane.client, cloudOf('us-west', 'us-east'));
    const status = await loop.query(LOOP.status);
    expect(status.hosts.map((h) => h.host.site)).toEqual(['us-west', 'us-east']);
    expect(status.cycle).toBeGreaterThan(cycle);
    expect(await loop.query(LOOP.policy)).toMatchObject({ cycleMs: 600 });
  });
});
