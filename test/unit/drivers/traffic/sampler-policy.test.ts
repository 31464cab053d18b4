// What a policy changes in the sampler, with a kernel that only counts: no packet is captured here.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { TrafficSampler, type TrafficSamplerOptions } from '../../../../drivers/traffic/sampler.js';
import { ServerNames } from '../../../../drivers/traffic/server-names.js';
import { FingerprintPolicy, type SamplingPolicy } from '../../../../domain/model/policy.js';

const USER = '198.51.100.2';
const CDN = '203.0.113.80';
/** A screen on a port that no default knows, and a download that is larger; too few packets for behaviour to tell. */
const flows = [
  { desktopPort: 7777, peer: USER, peerPort: 40_000, bytes: 20_000 },
  { desktopPort: 50_000, peer: CDN, peerPort: 443, bytes: 90_000 },
];

/** nft as the sampler calls it; each reading finds more in the counters. */
function fakeKernel() {
  let reads = 0;
  return async (argv: readonly string[]) => {
    if (argv[1] !== '-j') return '';
    reads += 1;
    const elem = flows.map(({ desktopPort, peer, peerPort, bytes }) => ({
      elem: {
        val: { concat: ['10.77.0.2', 'tcp', desktopPort, peer, peerPort] },
        counter: { packets: reads, bytes: bytes * reads },
      },
    }));
    return JSON.stringify({
      nftables: [{ set: { name: 'sent', elem } }, { set: { name: 'received', elem } }],
    });
  };
}

const samplers: TrafficSampler[] = [];
async function watching(options?: Partial<TrafficSamplerOptions>): Promise<TrafficSampler> {
  const sampler = new TrafficSampler({
    run: fakeKernel(),
    turnMs: 60_000,
    ...options,
  });
  samplers.push(sampler);
  await sampler.start();
  await sampler.watch({ id: 'd1', tap: 'vms-d1', internalAddress: '10.77.0.2', remoteDesktopPort: 5901 });
  return sampler;
}
afterEach(async () => {
  for (const s of samplers.splice(0)) await s.stop();
});

const policy = (change: Partial<SamplingPolicy>) => FingerprintPolicy.parse(change);

describe('TrafficSampler.setPolicy', () => {
  it('finds the remote desktop on the ports of the policy, and follows a change at the next report', async () => {
    const sampler = await watching();
    expect((await sampler.collect())[0]).toMatchObject({ remoteDesktop: null, user: null });
    sampler.setPolicy(policy({ remoteDesktopPorts: [7777] }));
    expect((await sampler.collect())[0]).toMatchObject({
      remoteDesktop: { desktopPort: 7777, peerAddress: USER, foundBy: 'port' },
      user: { address: USER, port: 40_000 },
    });
    sampler.setPolicy(policy({ relayPorts: [443] }));
    expect((await sampler.collect())[0]?.remoteDesktop).toMatchObject({ peerPort: 443, foundBy: 'port' });
  });

  it('looks at headers anew when the ports change, breaking off what is under way, and not for other changes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'vms-sampler-'));
    const looks = async () => (await readFile(join(dir, 'looks'), 'utf8').catch(() => '')).length;
    // In place of tcpdump: notes the look, listens, sees nothing.
    const child = `printf x >> ${join(dir, 'looks')}; echo listening on >&2; exec sleep 60`;
    const problems: string[] = [];
    const sampler = await watching({
      capturePrefix: ['sh', '-c', child, 'sh'],
      turnMs: 20,
      sampleMs: 60_000,
      onProblem: (problem) => problems.push(problem),
    });
    const lookedTimes = async (n: number) => {
      for (let i = 0; i < 300 && (await looks()) < n; i++) await sleep(10);
      expect(await looks()).toBe(n);
    };
    await lookedTimes(1);
    sampler.setPolicy(policy({ sensitiveServers: ['192.0.2.0/24'] }));
    await sleep(200);
    expect(await looks()).toBe(1);
    sampler.setPolicy(policy({ remoteDesktopPorts: [7777] }));
    await lookedTimes(2);
    expect(problems).toEqual([]);
    await sampler.stop();
    await rm(dir, { recursive: true });
  });

  it('tells which peers of a window the policy names, and never waits for the answer', async () => {
    let answer: (addresses: string[]) => void = () => undefined;
    const resolve = jest.fn((name: string) =>
      name === 'gone.example.com'
        ? Promise.reject(new Error('ENOTFOUND'))
        : new Promise<string[]>((done) => {
            answer = done;
          }),
    );
    const sampler = await watching({ serverNames: new ServerNames({ resolve }) });
    sampler.setPolicy(policy({ sensitiveServers: ['cdn.example.com', '192.0.2.0/24', 'gone.example.com'] }));
    const [early] = await sampler.collect();
    expect(early?.flows).toHaveLength(2);
    expect(early).not.toHaveProperty('resolvedServers');
    answer([CDN, '203.0.113.81']);
    const [window] = await sampler.collect();
    expect(window).toMatchObject({
      resolvedServers: [{ name: 'cdn.example.com', address: CDN }],
      unresolvedServers: ['gone.example.com'],
    });
    expect(resolve.mock.calls.map(([name]) => name)).toEqual(['cdn.example.com', 'gone.example.com']);
    sampler.setPolicy(policy({}));
    const [after] = await sampler.collect();
    expect(after).not.toHaveProperty('resolvedServers');
    expect(after).not.toHaveProperty('unresolvedServers');
  });
});
