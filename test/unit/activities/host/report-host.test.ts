// What a host says of itself each cycle, over a fake hypervisor; the traffic is sampled by the real sampler, at a kernel that counts nothing.
import { jest } from '@jest/globals';
import { desktopActivities } from '../../../../activities/host/desktops.js';
import type { HostContext } from '../../../../activities/host/host-context.js';
import { DesktopTraffic } from '../../../../drivers/traffic/desktop-traffic.js';
import { TrafficSampler } from '../../../../drivers/traffic/sampler.js';
import { HostRef } from '../../../../domain/model/ids.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
let cloud: FakeCloud;
let fake: FakeHost;

beforeEach(async () => {
  cloud = new FakeCloud();
  fake = await cloud.add(west, capacity, '198.51.100.10');
  await fake.give(fakeDesktop('d1'));
  await fake.give(fakeDesktop('d2'));
});
afterEach(() => cloud.remove());

describe('reportHost', () => {
  it('lists the desktops once for the report, the room that they take and the sampling of their traffic', async () => {
    const list = jest.spyOn(fake.context.hypervisor, 'list');
    const traffic = new DesktopTraffic({
      sampler: new TrafficSampler({ run: async (argv) => (argv[1] === '-j' ? '{"nftables":[]}' : '') }),
      hypervisor: fake.context.hypervisor,
      owns: async () => true,
      tapOf: (desktop) => `tap-${desktop}`,
      onProblem: (error) => {
        throw error;
      },
    });
    const host = desktopActivities({ ...fake.context, traffic });
    const report = await host.reportHost({ traffic: true });
    expect(list).toHaveBeenCalledTimes(1);
    expect(report.desktops.map((d) => d.definition.id)).toEqual(['d1', 'd2']);
    expect(report.fingerprints.map((f) => f.desktop)).toEqual(['d1', 'd2']);
    expect(report.used).toMatchObject({ slots: 2, memoryMiB: 128 });
  });

  it('says of a guest that has never been heard what its console said last, after two minutes', async () => {
    const list = await fake.context.hypervisor.list();
    const problems = async (forMs: number) => {
      const quiet = { forMs, lastLine: 'Kernel panic - not syncing' };
      jest.spyOn(fake.context.hypervisor, 'list').mockResolvedValueOnce(list.map((d) => ({ ...d, quiet })));
      return (await desktopActivities(fake.context).reportHost({ traffic: false })).desktops.map(
        (d) => d.problem,
      );
    };
    expect(await problems(119_000)).toEqual([null, null]);
    expect((await problems(300_000))[0]).toMatch(
      /^no packet 5 minutes after its start.*said last: Kernel panic/,
    );
  });

  it('says of a desktop whose TPM has died what to do, and nothing where it is whole', async () => {
    const definition = { ...fakeDesktop('sealed'), tpm: true };
    await fake.give(definition);
    const problem = async () =>
      (await desktopActivities(fake.context).reportHost({ traffic: false })).desktops.find(
        (d) => d.definition.id === 'sealed',
      )?.problem;
    expect(await problem()).toBeNull();
    fake.machine.loseTpm('sealed');
    expect(await problem()).toMatch(/TPM has died.*shut it down and start it/);
  });

  it('says what a guest’s agent tells of its addresses, asks once a minute, and waits for none', async () => {
    let nowMs = 1_000_000;
    await fake.give({ ...fakeDesktop('talks'), guestAgent: true });
    const { hypervisor } = fake.context;
    const ask = jest.spyOn(hypervisor, 'addresses');
    const host = desktopActivities({ ...fake.context, now: () => nowMs });
    const told = async () =>
      (await host.reportHost({ traffic: false })).desktops.map(({ addresses }) => addresses);
    // One that never answers holds nothing up.
    ask.mockReturnValueOnce(new Promise(() => undefined));
    expect(await told()).toEqual([undefined, undefined, undefined]);
    nowMs += 61_000;
    await told();
    expect(await told()).toEqual([undefined, undefined, [fakeDesktop('talks').network.address]]);
    expect(ask).toHaveBeenCalledTimes(2);
    nowMs += 61_000;
    ask.mockResolvedValueOnce(null);
    await told();
    expect(await told()).toEqual([undefined, undefined, undefined]);
    fake.machine.shutDown('talks');
    nowMs += 61_000;
    await told();
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('says what it can give of its processor, and nothing where its hypervisor does not', async () => {
    const report = () => desktopActivities(fake.context).reportHost({ traffic: false });
    expect(await report()).not.toHaveProperty('cpu');
    fake.machine.cpu = { model: 'Xeon', flags: ['aes'], models: { Westmere: 50 } };
    expect((await report()).cpu).toEqual(fake.machine.cpu);
    jest.spyOn(fake.context.hypervisor, 'info').mockRejectedValueOnce(new Error('no QEMU'));
    expect(await report()).not.toHaveProperty('cpu');
  });

  it('asks a hypervisor that does not say what it can give of its processor once a minute', async () => {
    let nowMs = 1_000_000;
    const info = jest.spyOn(fake.context.hypervisor, 'info');
    const host = desktopActivities({ ...fake.context, now: () => nowMs });
    await host.reportHost({ traffic: false });
    await host.reportHost({ traffic: false });
    expect(info).toHaveBeenCalledTimes(1);
    nowMs += 61_000;
    fake.machine.cpu = { model: 'Xeon', flags: ['aes'], models: { Westmere: 50 } };
    expect((await host.reportHost({ traffic: false })).cpu).toEqual(fake.machine.cpu);
  });

  it('says what was put back on the host, a bounded part of it, and how long its certificate lasts', async () => {
    const notes = Array.from({ length: 30 }, (_, k) => `somebody took away rule ${String(k)}`);
    const network = { ...fake.context.network, notes: async () => notes };
    const report = await desktopActivities({ ...fake.context, network }).reportHost({ traffic: false });
    expect(report.notes).toEqual(notes.slice(0, 20));
    expect(report.certificateDaysLeft).toBe(800);
  });

  it('lists nothing to look for one desktop', async () => {
    const list = jest.spyOn(fake.context.hypervisor, 'list');
    const host = desktopActivities(fake.context);
    await host.desktopPower({ desktop: fakeDesktop('d1').id, action: 'stop' });
    await host.enrollClients({ desktop: fakeDesktop('d1').id, clients: [] });
    await expect(host.desktopPower({ desktop: fakeDesktop('d3').id, action: 'stop' })).rejects.toMatchObject({
      code: 'NOT_OWNER',
    });
    expect(list).not.toHaveBeenCalled();
  });

  it('hands the policy that comes with the request to the sampler, and ranks by it', async () => {
    const fingerprint = FingerprintPolicy.parse({
      assumedContentFps: 30,
      sensitiveServers: ['cdn.example.com'],
    });
    await desktopActivities(fake.context).reportHost({ traffic: true, fingerprint });
    expect(fake.sampling).toEqual(fingerprint);
    expect(fake.context.fingerprints.policy).toEqual(fingerprint);
  });

  it('goes on by the last policy when none comes, as from a manager of a release before', async () => {
    const host = desktopActivities(fake.context);
    const fingerprint = FingerprintPolicy.parse({ assumedContentFps: 30 });
    await host.reportHost({ traffic: true, fingerprint });
    await host.reportHost({ traffic: true });
    expect(fake.sampling).toEqual(fingerprint);
  });

  it('still reports when the policy cannot be read, and says so in the log', async () => {
    const warn = jest.fn();
    const ctx: HostContext = {
      ...fake.context,
      logger: Object.assign(Object.create(fake.context.logger) as HostContext['logger'], { warn }),
    };
    const fingerprint = { remoteDesktopPorts: 'all' } as unknown as FingerprintPolicy;
    const report = await desktopActivities(ctx).reportHost({ traffic: true, fingerprint });
    expect(report.desktops).toHaveLength(2);
    expect(fake.sampling).toEqual(FingerprintPolicy.parse({}));
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
