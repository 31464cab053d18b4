// Every activity, as Temporal calls it: a wrong input is refused with every problem and touches nothing.
import type { Client } from '@temporalio/client';
import { controlActivities } from '../../../activities/control/control-activities.js';
import { CONTROL_INPUTS } from '../../../activities/control/inputs.js';
import { hostActivities } from '../../../activities/host/host-activities.js';
import { HOST_INPUTS } from '../../../activities/host/inputs.js';
import { highs } from '../../../drivers/solver/highs-solver.js';
import { DesktopDocument } from '../../../domain/model/desktop-document.js';
import { HostRef } from '../../../domain/model/ids.js';
import { packPlanRequest } from '../../../domain/placement/request/packed-request.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../../lab/fakes/fake-host.js';

const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const self = HostRef.parse({ site: 'us-west', host: 'h1' });
const endpoint = { address: '192.0.2.1', port: 7443 };
const peer = { host: { site: 'us-east', host: 'h1' }, endpoint };
const move = { desktop: 'd1', moveId: 'd1-0123456789ab' };
const sourceMove = { ...move, epoch: 1, peer, mbps: 60 };
const addresses = { oldExternal: '198.18.0.1', newExternal: '198.18.1.1', targetKey: FAKE_KEY };
const definition = fakeDesktop('d1');
const source = { driver: 'qemu', version: '10.0.2', machines: ['pc-i440fx-10.0'], cpuModel: 'max' };
const targetMove = { moveId: move.moveId, definition, tap: 'vs-d1' };

/** What each activity takes. */
const RIGHT: Record<string, unknown> = {
  reportHost: { traffic: true },
  createDesktop: { definition, image: null, clients: [FAKE_KEY], start: true },
  makeDesktop: { definition, image: null, clients: [FAKE_KEY], start: true, creation: 'd1-1' },
  settleCreation: { desktop: 'd1', creation: 'd1-1' },
  discardCreation: { desktop: 'd1', creation: 'd1-1' },
  enrollClients: { desktop: 'd1', clients: [FAKE_KEY] },
  desktopPower: { desktop: 'd1', action: 'stop' },
  editDesktop: {
    desktop: 'd1',
    document: DesktopDocument.parse({ memoryMiB: 64, disks: [{ sizeMiB: 64 }] }),
  },
  removeDesktop: { desktop: 'd1' },
  probeUsers: { addresses: ['203.0.113.9'] },
  reserveTarget: { moveId: move.moveId, definition, from: peer.host, epoch: 2, source },
  prepareReplica: targetMove,
  prepareIncoming: targetMove,
  dropTarget: move,
  settleTarget: move,
  checkSource: { desktop: 'd1', peer },
  copyDisk: { ...sourceMove, target: { endpoint, exportName: 'd1-0123456789ab' } },
  switchToSync: sourceMove,
  copyMemory: {
    ...sourceMove,
    target: endpoint,
    rule: { pauseBudgetMs: 500, maxPauseMs: 2_000, maxRounds: 30 },
    forced: false,
  },
  cancelMemory: { ...move, epochs: [1, 3] },
  cancelDisk: move,
  switchover: { ...move, epoch: 2, sourceEpoch: 1, peer, ...addresses, pauseBudgetMs: 500, snapshot: true },
  retireSource: { ...move, epoch: 2 },
  hashRetired: move,
  hashSnapshot: move,
  cleanSource: { moveId: move.moveId, change: { desktop: 'd1', epoch: 2, ...addresses } },
  reportHeld: { desktop: 'd1' },
  endCopies: { desktop: 'd1', epoch: 1, copies: ['0123456789ab'] },
  finishMove: { ...move, epoch: 2, peer },
  runHere: { ...move, epoch: 2, from: peer.host },
  settleDeadMove: move,
  detachStale: { desktop: 'd1' },
  uncapMove: move,
  plan: packPlanRequest({
    sites: [{ id: 'us-west', kind: 'regional', slots: 1 }],
    desktops: [{ id: 'd1', rank: 1, site: 'us-west', memoryGB: 1, diskGB: 1, rttMs: { 'us-west': 10 } }],
  }),
  placeUsers: ['203.0.113.9'],
  endedWorkflows: ['migrate/d1'],
  movesOf: ['d1'],
  askKeptUntil: { desktop: 'd1' },
  poolOf: { pool: 'main' },
};
const INPUTS = { ...HOST_INPUTS, ...CONTROL_INPUTS };
const NAMES = Object.keys(INPUTS) as (keyof typeof INPUTS)[];

let cloud: FakeCloud;
let host: FakeHost;
let activities: Record<string, (input: unknown) => Promise<unknown>>;

beforeEach(async () => {
  cloud = new FakeCloud();
  host = await cloud.add(self, capacity, '198.18.0.1');
  // Nothing comes as far as to ask Temporal.
  const client = null as unknown as Client;
  activities = {
    ...hostActivities(host.context),
    ...controlActivities({ client, solver: highs, geo: null }),
  } as unknown as typeof activities;
});

afterEach(async () => {
  expect([host.log, await host.leftovers(), [...host.desktops]]).toEqual([[], [], []]);
  await cloud.remove();
});

async function problemsOf(name: string, input: unknown): Promise<string> {
  const failure = await activities[name]!(input).then(
    () => new Error('was not refused'),
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ name: 'ApplicationFailure', type: 'INPUT_INVALID', nonRetryable: true });
  return (failure as Error).message;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Each way to put `wrong` in the place of one id of an input: `[dotted path, input]`. */
function withWrongIds(input: unknown, wrong: string, path = ''): [string, unknown][] {
  if (!isFields(input)) return [];
  const isId = (key: string) =>
    ['desktop', 'moveId', 'id', 'site', 'host', 'exportName', 'tap'].includes(key);
  return Object.entries(input).flatMap(([key, value]): [string, unknown][] =>
    typeof value === 'string' && isId(key)
      ? [[`${path}${key}`, { ...input, [key]: wrong }]]
      : withWrongIds(value, wrong, `${path}${key}.`).map(([p, v]) => [p, { ...input, [key]: v }]),
  );
}

describe('the boundary of the activities', () => {
  it('knows a right input of every activity, and parses it to itself', () => {
    expect(NAMES.sort()).toEqual(Object.keys(activities).sort());
    for (const name of NAMES) expect(INPUTS[name].parse(RIGHT[name])).toEqual(RIGHT[name]);
  });

  describe.each(NAMES)('%s', (name) => {
    const right = RIGHT[name];

    it.each([
      ['nothing', undefined],
      ['null', null],
      ['text', 'nonsense'],
      ['a number', 7],
    ])('refuses %s', async (_, input) => {
      expect(await problemsOf(name, input)).toMatch(`input of ${name}: 1 problem\n`);
    });

    if (!isFields(right)) {
      it('refuses a list of something else', async () => {
        expect(await problemsOf(name, [1, {}])).toMatch(/2 problems\n {2}- 0: .*\n {2}- 1: /);
      });
      return;
    }

    it('refuses an empty input and wrong types, and names every field', async () => {
      // What may be left out, or is read by the activity itself.
      const checked = Object.keys(right).filter(
        (k) => !['epochs', 'sourceEpoch', 'dirty', 'felt'].includes(k),
      );
      const empty = await problemsOf(name, {});
      for (const key of checked) expect(empty).toMatch(new RegExp(`^ {2}- ${key}[.:]`, 'm'));
      const wrong = Object.fromEntries(Object.keys(right).map((key) => [key, Symbol.for('wrong')]));
      const all = await problemsOf(name, wrong);
      for (const key of Object.keys(right)) expect(all).toMatch(new RegExp(`^ {2}- ${key}[.:]`, 'm'));
    });
  });

  it.each(
    NAMES.flatMap((name) =>
      ['../../etc/cron.d/x', 'd1;reboot', 'D1 ', '', 'a'.repeat(200)].flatMap((wrong) =>
        withWrongIds(RIGHT[name], wrong).map(([path, input]) => [name, path, wrong, input] as const),
      ),
    ),
  )('%s refuses as its %s %j', async (name, path, _, input) => {
    expect(await problemsOf(name, input)).toContain(`  - ${path}: `);
  });

  it('cuts the problems of a hopeless input to what a failure may hold, and says so', async () => {
    const failure = await activities['probeUsers']!({
      addresses: Array.from({ length: 200 }, () => 'x'),
    }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(JSON.stringify(failure).length).toBeLessThan(4_096);
    expect(JSON.stringify(failure)).toMatch(/and \d+ more/);
  });
});
