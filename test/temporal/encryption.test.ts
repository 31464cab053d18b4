// What a Temporal server really keeps when payloads are encrypted, and that a key is replaced under a loop that goes on.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudConfig } from '../../domain/model/cloud.js';
import { HostRef } from '../../domain/model/ids.js';
import { FakeCloud, type FakeHost } from '../../lab/fakes/fake-host.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { readPayloadKeys } from '../../temporal/payload-keys.js';
import { ControlPlane } from '../support/control-plane.js';
import { vmshadow } from '../support/vmshadow.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const endpoint = (port: number) => ({ address: '192.0.2.1', port });
const CONFIG = CloudConfig.parse({
  sites: [
    {
      id: 'us-west',
      kind: 'regional',
      hosts: [{ id: 'h1', peer: endpoint(7443), probe: endpoint(7946) }],
    },
  ],
  policy: { cycleMs: 500, act: false },
});
const SECRETS = ['director', 'vms.password=hush', '198.18.0.'];

let dir: string;
let file: string;
let plane: ControlPlane;
let cloud: FakeCloud;
let host: FakeHost;

const keys = (...argv: string[]) => vmshadow(['keys', 'payload', file, ...argv]);
const asOperator = (...argv: string[]) =>
  vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address, VMSHADOW_PAYLOAD_KEYS: file } });
const status = async (): Promise<LoopStatus> => {
  const { exit, out, err } = await asOperator('status', '--json');
  expect([exit, err]).toEqual([0, '']);
  return JSON.parse(out) as LoopStatus;
};
const startWorkers = async () => {
  await plane.startHost(host.context);
  await plane.startManager();
};

interface RawPayload {
  readonly encoding: string;
  readonly keyId: string;
}

/** Search attributes, which the server must read, and markers of the SDK's own: names of patches, numbers of activities. */
const NOT_OURS = ['searchAttributes', 'markerRecordedEventAttributes'];

/** Every payload in the loop's events from one on, as the server has it. */
async function rawHistory(from = 0): Promise<{ payloads: RawPayload[]; text: string; events: number }> {
  const workflowId = shadowLoopId(CONFIG.pool);
  const { history } = await plane.client.workflowService.getWorkflowExecutionHistory({
    namespace: 'default',
    execution: { workflowId },
  });
  const events = (history?.events ?? []).filter((event) => Number(event.eventId) > from);
  const payloads: RawPayload[] = [];
  const texts: string[] = [];
  const walk = (value: unknown, name: string): void => {
    if (typeof value !== 'object' || value === null || NOT_OURS.includes(name)) return;
    if (value instanceof Uint8Array) return void texts.push(Buffer.from(value).toString('latin1'));
    const { metadata, data } = value as { metadata?: Record<string, Uint8Array>; data?: unknown };
    if (data instanceof Uint8Array && typeof metadata === 'object') {
      const text = (key: string) => Buffer.from(metadata[key] ?? []).toString();
      payloads.push({ encoding: text('encoding'), keyId: text('encryption-key-id') });
    }
    for (const [key, inner] of Object.entries(value)) walk(inner, key);
  };
  for (const event of events) walk(event, '');
  return { payloads, text: texts.join('\n'), events: Number(history?.events?.at(-1)?.eventId ?? 0) };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vms-encryption-'));
  file = join(dir, 'keys.json');
  expect((await keys()).exit).toBe(0);
  process.env['VMSHADOW_PAYLOAD_KEYS'] = file;
  // One run throughout: its whole history is there to be read.
  plane = await ControlPlane.start({ dynamicConfig: ['limit.historyCount.suggestContinueAsNew=1000000'] });
  cloud = new FakeCloud();
  host = await cloud.add(west, { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 }, '198.18.0.1');
  await startWorkers();
  await ensureShadowLoop(plane.client, CONFIG);
}, 120_000);

afterAll(async () => {
  delete process.env['VMSHADOW_PAYLOAD_KEYS'];
  await plane.stop();
  await cloud.remove();
  await rm(dir, { recursive: true, force: true });
});

describe('a server that payloads are encrypted for', () => {
  it('keeps nothing of them that can be read, and the command reads them with the keys', async () => {
    const kernel = ['--kernel', 'vmlinuz', '--append', 'vms.password=hush'];
    const size = ['--memory', '64', '--disk', '64', '--site', 'us-west'];
    const made = await asOperator('desktop', 'create', 'director', ...size, ...kernel);
    expect([made.exit, made.err]).toEqual([0, expect.any(String)]);
    let desktops: string[] = [];
    while (!desktops.includes('director')) desktops = (await status()).desktops.map((d) => d.desktop);
    const { payloads, text } = await rawHistory();
    expect(payloads.length).toBeGreaterThan(5);
    const { write } = readPayloadKeys(file);
    expect(new Set(payloads.map((p) => `${p.encoding} ${p.keyId}`))).toEqual(
      new Set([`binary/encrypted ${write}`]),
    );
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  }, 120_000);

  it('tells a command without the keys what it lacks', async () => {
    const { exit, err, out } = await vmshadow(['status'], {
      env: { TEMPORAL_ADDRESS: plane.address, VMSHADOW_PAYLOAD_KEYS: '' },
    });
    expect(exit).toBe(78);
    expect(out).toBe('');
    expect(err).toMatch(/encrypted with the key .*VMSHADOW_PAYLOAD_KEYS/);
  }, 60_000);

  it('goes on with a new key, replays what the old one wrote, and then writes with the new one alone', async () => {
    const { write: old } = readPayloadKeys(file);
    await keys('--add');
    const fresh = Object.keys(readPayloadKeys(file).keys).find((id) => id !== old) ?? '';
    for (const step of [[], ['--use', fresh]]) {
      if (step.length > 0) await keys(...step);
      await plane.stopWorkers();
      await startWorkers();
    }
    const { events } = await rawHistory();
    const { cycle } = await status();
    while ((await status()).cycle < cycle + 2) await sleep(100);
    const { payloads } = await rawHistory(events);
    // The first events may be answers of tasks that were under way.
    expect(payloads.at(-1)).toEqual({ encoding: 'binary/encrypted', keyId: fresh });
    expect((await status()).desktops.map((d) => d.desktop)).toContain('director');
    const whole = await rawHistory();
    expect(new Set(whole.payloads.map((p) => p.keyId))).toEqual(new Set([old, fresh]));
  }, 180_000);
});
