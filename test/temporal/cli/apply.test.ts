// A plan's life on a real Temporal server and the real loop, with fake hosts: saved, compared, applied as far as it is still true.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { DesktopId, HostRef, SiteId } from '../../../domain/model/ids.js';
import type { PlanDocument } from '../../../domain/placement/life/document.js';
import { ensureShadowLoop } from '../../../temporal/bootstrap.js';
import { LOOP } from '../../../temporal/contract/loop.js';
import { shadowLoopId } from '../../../temporal/contract/names.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../../lab/fakes/fake-host.js';
import { busyWindow } from '../../support/busy-window.js';
import { ControlPlane } from '../../support/control-plane.js';
import { eventually } from '../../support/eventually.js';
import { oneHostSites } from '../../support/one-host-sites.js';
import { vmshadow } from '../../support/vmshadow.js';

const SITES = ['us-west', 'us-east', 'us-north'] as const;
const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const cloudConfig = CloudConfig.parse({
  sites: oneHostSites(SITES),
  policy: {
    cycleMs: 600_000,
    act: false,
    fingerprint: { mode: 'paper', alpha: 1 },
    placement: { hysteresisMs: 0 },
    migration: { graceMs: 0 },
  },
  limits: { movesInAll: 1 },
});
/** Nearer in the east, all of them, and the third one too. */
const FILMS = ['film', 'gone', 'halted'];

let plane: ControlPlane;
let cloud: FakeCloud;
let hosts: FakeHost[];
let dir: string;
const file = (name: string) => join(dir, name);

const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });
async function data(...argv: string[]): Promise<{ exit: number | null; data: unknown }> {
  const { exit, out, err } = await run(...argv, '--json');
  if (out === '') throw new Error(`no answer: ${err}`);
  return { exit, data: JSON.parse(out) as unknown };
}
const saved = async (name: string) => JSON.parse(await readFile(file(name), 'utf8')) as PlanDocument;
const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));

/** What each desktop's user has to each of the sites. */
function nearTo(rttMs: readonly number[]): void {
  const rtts = SITES.map((site, i) => ({ site: SiteId.parse(site), rttMs: rttMs[i] ?? 0, ageMs: 0 }));
  for (const host of hosts) {
    host.users = FILMS.map((id) => ({
      desktop: DesktopId.parse(id),
      client: FAKE_KEY,
      seenAs: { address: '203.0.113.2', port: 40_000 },
      rtts,
    }));
    host.windows = FILMS.map(busyWindow);
  }
}

/** Have a cycle, so that ranks and round trips are known. */
async function cycle(): Promise<void> {
  const { cycle: before } = await loop().query(LOOP.status);
  await loop().signal(LOOP.runCycle, { act: false, cause: 'operator' });
  await eventually(
    () => loop().query(LOOP.status),
    ({ cycle: now }) => now > before,
  );
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-apply-'));
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
  hosts = await Promise.all(SITES.map((site, i) => cloud.add(ref(site), capacity, `198.18.${String(i)}.1`)));
  for (const host of hosts) await plane.startHost(host.context);
  await plane.startManager();
  for (const [n, id] of FILMS.entries()) {
    const net = `10.77.${String(n + 1)}`;
    const network = { address: `${net}.2`, gateway: `${net}.1`, mac: `52:54:0a:4d:0${String(n + 1)}:02` };
    await hosts[0]!.give({ ...fakeDesktop(id), network });
  }
  nearTo([100, 10, 50]);
  await ensureShadowLoop(plane.client, cloudConfig);
  await cycle();
});

// A move that was made is not over until its old disk is gone; the plan and `apply` see it until then.
afterEach(() => plane.movesOver(cloudConfig.pool), 60_000);

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
  await rm(dir, { recursive: true, force: true });
});

const apply = async (...argv: string[]) => (await data('apply', ...argv)) as { exit: number; data: Applied };
const refusal = async (...argv: string[]) => {
  const { exit, data: answer } = await data(...argv);
  return { exit, message: (answer as { error: { message: string } }).error.message };
};

interface Applied {
  readonly changes: { name: string; what: string }[];
  readonly moves: { desktop: string; result: string; why: string | null }[];
}
const results = ({ moves }: Applied) =>
  Object.fromEntries(moves.map((m) => [m.desktop, m.why === null ? m.result : `${m.result}: ${m.why}`]));

describe("a plan's life", () => {
  it('is saved with what the cloud looked like, and is the plan that is shown', async () => {
    const shown = await run('plan', '--out', file('plan.json'), '--json');
    expect(shown.exit).toBe(0);
    expect(shown.err).toContain(`vmshadow apply ${file('plan.json')}`);
    const document = await saved('plan.json');
    expect(document).toMatchObject({ vmshadowPlan: 1, pool: 'main', plan: JSON.parse(shown.out) as object });
    expect(document.plan.moves.map((m) => [m.desktop, m.to])).toEqual(
      expect.arrayContaining(FILMS.map((id) => [id, 'us-east'])),
    );
    expect(document.cloud.desktops[0]).toMatchObject({ site: 'us-west', rttMs: { 'us-east': 10 } });
  });

  it('would be made in whole while nothing has changed, and a dry run makes nothing', async () => {
    const dry = await apply(file('plan.json'), '--dry-run');
    expect(dry).toMatchObject({ exit: 0, data: { dryRun: true, changes: [] } });
    expect(results(dry.data)).toEqual({ film: 'would-start', gone: 'would-start', halted: 'would-start' });
    for (const id of FILMS) expect(cloud.runningAt(id)).toEqual(['us-west/h1']);
    expect(await data('plan', '--diff', file('plan.json'))).toMatchObject({ exit: 0, data: { same: true } });
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /not valid JSON/],
    ['no plan', '{"sites": []}', /not a saved plan/],
    ['a plan of the future', '{"vmshadowPlan": 7}', /reads version 1/],
  ])('is refused with 65 where the file is %s, and nothing is moved', async (_case, text, said) => {
    await writeFile(file('bad.json'), text);
    for (const argv of [
      ['apply', file('bad.json')],
      ['plan', '--diff', file('bad.json')],
    ]) {
      const { exit, message } = await refusal(...argv);
      expect(exit).toBe(65);
      expect(message).toMatch(said);
    }
    for (const id of FILMS) expect(cloud.runningAt(id)).toEqual(['us-west/h1']);
  });

  it('made of a file is compared, but not applied', async () => {
    const input = {
      sites: ['a', 'b'].map((id) => ({ id, kind: 'regional', slots: 2 })),
      desktops: [{ id: 'x', rank: 0.9, site: 'a', memoryGB: 1, diskGB: 2, rttMs: { a: 90, b: 9 } }],
    };
    await writeFile(file('cloud.json'), JSON.stringify(input));
    expect((await run('plan', '--input', file('cloud.json'), '--out', file('of-file.json'))).exit).toBe(0);
    const { exit, message } = await refusal('apply', file('of-file.json'));
    expect(exit).toBe(65);
    expect(message).toContain('made of a file (plan --input), not of a pool');
    await writeFile(
      file('full.json'),
      JSON.stringify({ ...input, desktops: [{ ...input.desktops[0], rank: 0 }] }),
    );
    const diff = await run('plan', '--input', file('full.json'), '--diff', file('of-file.json'));
    expect(diff.out).toMatch(/x +no longer moved +a -> b +- +rank 0.90 -> 0.00; the plan now: /);
    expect(await data('plan', '--diff', file('of-file.json'), file('of-file.json'))).toMatchObject({
      exit: 0,
      data: { same: true, changes: [] },
    });
  });

  it('meets a cloud that has changed', async () => {
    await loop().executeUpdate(LOOP.requestMove, {
      args: [{ desktop: DesktopId.parse('gone'), site: SiteId.parse('us-north') }],
    });
    await eventually(
      () => Promise.resolve(cloud.runningAt('gone')),
      ([at]) => at === 'us-north/h1',
    );
    expect((await run('desktop', 'stop', 'halted')).exit).toBe(0);
  });

  it('leaves out what is no longer true, moves the rest, and says why', async () => {
    const applied = await apply(file('plan.json'));
    expect(results(applied.data)).toEqual({
      film: 'moved',
      gone: 'left-out: moved',
      halted: 'left-out: stopped',
    });
    expect(applied.exit).toBe(1);
    expect(applied.data.changes).toEqual(
      expect.arrayContaining([
        { of: 'desktop', name: 'gone', what: 'moved from us-west/h1 to us-north/h1' },
        { of: 'desktop', name: 'halted', what: 'is stopped, was running' },
      ]),
    );
    expect(cloud.runningAt('film')).toEqual(['us-east/h1']);
    expect(cloud.runningAt('gone')).toEqual(['us-north/h1']);
    const diff = await run('plan', '--diff', file('plan.json'));
    expect(diff.out).toMatch(
      /film +no longer moved +us-west\/h1 -> us-east\/h1 +- +moved from us-west\/h1 to us-east/,
    );
  });

  it('is made in turn within the limits', async () => {
    expect((await run('desktop', 'start', 'halted')).exit).toBe(0);
    await cycle();
    await run('plan', '--out', file('again.json'));
    const { plan } = await saved('again.json');
    expect(plan.moves.map((m) => m.desktop).sort()).toEqual(['gone', 'halted']);
    const { exit, out, err } = await run('apply', file('again.json'));
    expect(out).toMatch(/2 of 2 moves made/);
    expect(exit).toBe(0);
    // One ends before the other begins: movesInAll is 1.
    expect(err.match(/has begun|h1 moved/g)?.map((w) => w.slice(-5))).toEqual([
      'begun',
      'moved',
      'begun',
      'moved',
    ]);
  });

  it('is there already a second time', async () => {
    const second = await apply(file('again.json'));
    expect(second.exit).toBe(0);
    expect(results(second.data)).toEqual({ gone: 'already-there', halted: 'already-there' });
  });

  it('names a move that fails, and ends with 1', async () => {
    nearTo([10, 100, 50]);
    await cycle();
    await run('plan', '--out', file('back.json'), '--max-moves', '1');
    hosts[1]!.faults.add('disk breaks');
    const { exit, data: applied } = await apply(file('back.json'));
    hosts[1]!.faults.clear();
    expect(exit).toBe(1);
    expect(Object.values(results(applied))).toEqual(['failed: DISK_COPY']);
  });

  it('keeps to what an operator says of a desktop: the plan, apply and move do, the last one unless it is forced', async () => {
    const [move] = (await saved('back.json')).plan.moves;
    const id = move!.desktop;
    expect(await data('desktop', 'constrain', id, '--allow', 'us-east', 'us-north')).toEqual({
      exit: 0,
      data: { desktop: id, constraints: { allowedSites: ['us-east', 'us-north'] } },
    });
    const dry = await apply(file('back.json'), '--dry-run');
    expect([dry.exit, results(dry.data)]).toEqual([1, { [id]: 'left-out: constraint' }]);
    const { exit, message } = await refusal('move', id, 'us-west');
    expect(exit).toBe(1);
    expect(message).toContain(
      'us-west is not among the sites that it may be at (us-east, us-north); use --force',
    );
    const { data: plan } = await data('plan');
    expect((plan as { moves: { desktop: string; to: string }[] }).moves).not.toContainEqual(
      expect.objectContaining({ desktop: id, to: 'us-west' }),
    );
    expect((await run('explain', id)).out).toContain('only at us-east, us-north');
    expect((await run('move', id, 'us-west', '--force')).exit).toBe(0);
    expect(cloud.runningAt(id)).toEqual(['us-west/h1']);
    expect((await run('desktop', 'constrain', id, '--clear')).out).toBe(`${id}: no constraints\n`);
    expect((await run('desktop', 'constrain', id, '--allow', 'Mars!')).exit).toBe(64);
  });
});
