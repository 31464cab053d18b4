// The lab's world for real: namespaces, a NAT, the WAN's delay and rate. Needs root.
import { join } from 'node:path';
import { Gate } from '../../../lab/net/gate.js';
import { namespacesOf } from '../../../lab/net/cleanup.js';
import { bothWays } from '../../../lab/net/plan.js';
import { World } from '../../../lab/net/world.js';
import { hasCode } from '../../../domain/errors.js';
import { checkoutFolder } from '../../../lab/images/locate.js';

const PREFIX = 'labtw';
const script = join(checkoutFolder(), 'test', 'system', 'lab', 'traffic.ts');
const tsx = join(checkoutFolder(), 'node_modules', '.bin', 'tsx');

let world: World;
beforeAll(async () => {
  world = await World.create({
    prefix: PREFIX,
    sites: [{ id: 'us-west' }, { id: 'us-east', hosts: ['h1', 'h2'] }],
    users: [{ id: 'alice' }],
    links: [
      ...bothWays('us-west', 'alice', 100, 100),
      ...bothWays('us-east', 'alice', 20, 100),
      ...bothWays('us-west', 'us-east', 70, 20),
    ],
  });
});
afterAll(async () => {
  await world.destroy();
});

/** Round-trip times of five pings, ms; throws when none is answered. */
async function ping(namespace: string, address: string): Promise<number[]> {
  const out = await world.exec(namespace, ['ping', '-c', '5', '-i', '0.1', '-W', '1', address]);
  return [...out.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
}
const fastest = async (namespace: string, address: string) => Math.min(...(await ping(namespace, address)));
const client = () => world.user('alice').clientNamespace;

async function serve(namespace: string, port: number): Promise<void> {
  const server = world.spawn(namespace, [tsx, script, 'serve', String(port)]);
  await new Promise((resolve) => server.stdout.once('data', resolve));
}

describe('a lab world', () => {
  it.each([
    ['us-west', 100],
    ['us-east', 20],
  ])('has the round trip that was asked for between the user and %s, within 2 ms', async (site, rttMs) => {
    const measured = await fastest(client(), world.host(site).address);
    expect(measured).toBeGreaterThan(rttMs - 0.1);
    expect(measured).toBeLessThan(rttMs + 2);
  });

  it('delays nothing within a site, nor on the management bridge', async () => {
    expect(await fastest(world.host('us-east/h1').namespace, world.host('us-east/h2').address)).toBeLessThan(
      2,
    );
    expect(await fastest(world.host('us-west').namespace, world.plan.controlAddress)).toBeLessThan(2);
  });

  it('changes a delay while packets flow', async () => {
    await world.setDelay('us-west', 'alice', 15);
    expect(Math.abs((await fastest(client(), world.host('us-west').address)) - 31)).toBeLessThan(2);
    await world.setDelay('us-west', 'alice', 50);
    expect(await fastest(client(), world.host('us-west').address)).toBeGreaterThan(99);
  });

  it('carries TCP at the rate of the link within 10 %, and at a changed one', async () => {
    const east = world.host('us-east/h1');
    await serve(east.namespace, 9000);
    const measure = async () => {
      const out = await world.exec(world.host('us-west').namespace, [
        tsx,
        script,
        'send',
        east.address,
        '9000',
        '5',
      ]);
      return (JSON.parse(out) as { mbps: number }).mbps;
    };
    const before = await world.carriedBytes('us-west', 'us-east');
    // 20 Mbit/s on the wire are 19.3 of TCP payload.
    const first = await measure();
    expect(first).toBeGreaterThan(18);
    expect(first).toBeLessThan(20);
    expect((await world.carriedBytes('us-west', 'us-east')) - before).toBeGreaterThan(6e6);
    await world.setLink('us-west', 'us-east', { rateMbps: 5 });
    const second = await measure();
    expect(second).toBeGreaterThan(4.5);
    expect(second).toBeLessThan(5);
  });

  it('hides the user behind a masquerading NAT', async () => {
    const west = world.host('us-west');
    const capture = world.spawn(west.namespace, [
      'tcpdump',
      '-nli',
      'up0',
      '-c',
      '1',
      'icmp[icmptype] = icmp-echo',
    ]);
    let seen = '';
    capture.stdout.on('data', (text: Buffer) => (seen += text.toString()));
    await new Promise((resolve) => capture.stderr.once('data', resolve));
    await ping(client(), west.address);
    expect(seen).toContain(`IP ${world.user('alice').address} > ${west.address}`);
    await expect(ping(west.namespace, world.user('alice').clientAddress)).rejects.toThrow();
  });

  it('routes the external addresses of a site to its host', async () => {
    const west = world.host('us-west');
    await world.exec(west.namespace, ['ip', 'addr', 'add', '198.18.0.5/32', 'dev', 'lo']);
    expect(await fastest(client(), '198.18.0.5')).toBeGreaterThan(99);
    await expect(ping(client(), '198.18.0.6')).rejects.toThrow();
  });

  it('cuts one way or both, and restores', async () => {
    const [west, east] = [world.host('us-west'), world.host('us-east/h2')];
    const txBefore = (await world.counters('us-east/h2')).txPackets;
    await world.cut('us-east/h2', 'us-west', 'forward');
    await expect(ping(west.namespace, east.address)).rejects.toThrow();
    // One way: the requests still came, and were answered into the void.
    expect((await world.counters('us-east/h2')).txPackets).toBeGreaterThanOrEqual(txBefore + 5);
    await world.restore('us-east/h2', 'us-west');
    await world.restore('us-east/h2', 'us-west');
    expect(await ping(west.namespace, east.address)).toHaveLength(5);
    await world.cut('us-west', 'us-east');
    await expect(ping(east.namespace, west.address)).rejects.toThrow();
    await world.restore('us-west', 'us-east');
    await world.setManagement('us-west', false);
    await expect(ping(west.namespace, world.plan.controlAddress)).rejects.toThrow();
    await world.setManagement('us-west', true);
    expect(await ping(west.namespace, world.plan.controlAddress)).not.toHaveLength(0);
  });

  it('has no way out of the machine', async () => {
    for (const namespace of await namespacesOf(PREFIX)) {
      const links = await world.exec(namespace, ['ip', '-o', 'link']);
      const others = links.split('\n').filter((line) => !/: (lo|[a-z0-9]+@if\d+|mgmt0):/.test(line));
      expect(others).toEqual([]);
    }
    const routes = await world.exec(world.plan.coreNamespace, ['ip', 'route', 'show', 'default']);
    expect(routes).toBe('');
  });

  it('shows a port inside at the loopback of the machine', async () => {
    await serve(world.plan.controlNamespace, 9100);
    const gate = await Gate.open(world, {
      namespace: world.plan.controlNamespace,
      address: world.plan.controlAddress,
      port: 9100,
    });
    const { connect } = await import('node:net');
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port: gate.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', reject);
      socket.on('data', (data) => resolve(data.toString()));
      socket.end(Buffer.alloc(100_000));
    });
    expect(JSON.parse(answer)).toMatchObject({ bytes: 100_000 });
    await gate.close();
  });

  it('is made only once', async () => {
    const again: unknown = await World.create({ prefix: PREFIX, sites: [{ id: 'a' }] }).catch(
      (e: unknown) => e,
    );
    expect(hasCode(again, 'ALREADY_EXISTS')).toBe(true);
  });
});
