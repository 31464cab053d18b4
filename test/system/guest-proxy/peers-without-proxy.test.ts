// A desktop moves while it has connections to a server that runs no proxy. Both sites' networks drop what does not bear an address of theirs.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DesktopSession, expectWhole, sleep, Stream, until } from './support/session.js';
import { DESKTOP, HOSTS, type HostName, RELAY_PORT, ROUTER } from './support/lab.js';

const SERVER = '203.0.113.254';
const TEST_MS = 90_000;

interface Datagram {
  from: { address: string; port: number };
  to: { address: string; port: number };
  payload: string;
}

let session: DesktopSession;
let nextPort = 8_080;

/** Open a connection of the desktop to the server. */
async function connect(sends: { server: boolean; desktop: boolean }): Promise<Stream> {
  const base = { address: SERVER, port: nextPort++ };
  const server = await session.lab.start(ROUTER, 'stream-process.ts', {
    ...base,
    role: 'server',
    sends: sends.server,
  });
  const desktop = await session.lab.start(DESKTOP, 'stream-process.ts', {
    ...base,
    role: 'client',
    sends: sends.desktop,
  });
  return new Stream(server, desktop);
}

/** The desktop's address as the server sees it. */
const seenAs = async (stream: Stream): Promise<(string | null)[]> =>
  (await stream.reports()).server.map((r) => r.remote);

async function moveOn(): Promise<void> {
  const { change } = await session.move();
  await session.cleanUp(change);
}

/** Packets that a site's network has dropped, since their source was not of it. */
async function filtered(): Promise<number> {
  const text = await session.lab.exec(ROUTER, 'nft', 'list', 'counters');
  return [...text.matchAll(/packets (\d+)/g)].slice(-2).reduce((n, m) => n + Number(m[1]), 0);
}

const relayed = (host: HostName) =>
  session.call<{ oldExternal: string; connections: number; rttMs: number | null }[]>(host, 'relayed');

/** The ends of relays that a host keeps a record of. */
async function relays(host: HostName): Promise<string[]> {
  const files = await readdir(join(session.lab.folder, host, 'relays'));
  return files.map((name) => name.split('-')[0]!).sort();
}

/** The flows that a host's rules give to relays. */
async function relayRules(host: HostName): Promise<string> {
  const list = (set: string) =>
    session.lab.exec(HOSTS[host].namespace, 'nft', 'list', 'set', 'ip', 'vmshadow_host', set);
  return (await list('relayin')) + (await list('relayout'));
}

/** What a host holds of addresses and rules for flows. */
async function left(host: HostName): Promise<string> {
  const { namespace } = HOSTS[host];
  const addresses = await session.lab.ip('-n', namespace, '-br', '-4', 'addr', 'show', 'dev', 'wan0');
  const rules = await session.lab.exec(namespace, 'nft', '-s', 'list', 'table', 'ip', 'vmshadow_host');
  return addresses + rules;
}

describe('connections to a server without a proxy', () => {
  beforeAll(async () => {
    session = await DesktopSession.create();
    await session.lab.nft(
      ROUTER,
      `table ip sites {
        counter west { }
        counter east { }
        chain prerouting { type filter hook prerouting priority -300;
          iifname "ra" ip saddr != 198.51.100.0/24 counter name west drop
          iifname "rb" ip saddr != 192.0.2.0/24 counter name east drop
        }
      }`,
    );
  }, TEST_MS);
  afterAll(() => session.dispose());

  it(
    'go on over the old site, not a byte lost, until they close; new ones use the new address',
    async () => {
      const download = await connect({ server: true, desktop: false });
      const both = await connect({ server: true, desktop: true });
      const idle = await connect({ server: false, desktop: false });
      const old = session.external;
      await sleep(300);
      await moveOn();
      expect(session.external).not.toBe(old);

      await idle.server.call('say');
      await until('the idle connection is heard', async () =>
        (await idle.reports()).client.every((r) => r.received > 0),
      );
      const fresh = await connect({ server: true, desktop: true });
      expect(await seenAs(fresh)).toEqual([session.external]);
      expect(await seenAs(download)).toEqual([old]);
      await until('the round trip is known', async () => (await relayed('b'))[0]?.rttMs != null);
      expect(await relayed('b')).toMatchObject([{ oldExternal: old, connections: 3 }]);
      await sleep(500);
      for (const stream of [download, both, fresh]) expectWhole(await stream.finish());
      await idle.client.call('say');
      expectWhole(await idle.finish());
      expect(await filtered()).toBe(0);

      await until('the old site keeps nothing', async () => !(await left('a')).includes(old), 30_000);
      await until('nor does the new one', async () => (await relayed('b')).length === 0);
      expect(await left('b')).not.toContain(SERVER);
    },
    TEST_MS,
  );

  it(
    'take one hop after several moves, also when the desktop has come home',
    async () => {
      const first = await connect({ server: true, desktop: true });
      const old = session.external;
      await moveOn();
      const second = await connect({ server: true, desktop: true });
      const middle = session.external;
      await moveOn();
      await until('both go on', async () => (await relayed(session.at)).every((r) => r.rttMs !== null));
      expect((await relayed(session.at)).map((r) => r.oldExternal).sort()).toEqual([old, middle].sort());
      await until('each flow has one relay', async () => {
        const kept = [await relays(session.other), await relays(session.at)];
        return JSON.stringify(kept) === JSON.stringify([['old'], ['new', 'new', 'old']]);
      });
      await sleep(300);
      for (const stream of [first, second]) expectWhole(await stream.finish());
      await until(
        'nothing is kept',
        async () => [...(await relays(session.other)), ...(await relays(session.at))].length === 0,
        30_000,
      );
      expect(await filtered()).toBe(0);
    },
    TEST_MS,
  );

  it(
    'are moved by nothing that is forged, sent again or torn, and last no longer than the limit',
    async () => {
      const stream = await connect({ server: true, desktop: true });
      const old = session.external;
      await moveOn();
      const attacker = await session.lab.start(ROUTER, 'attacker-process.ts', {
        device: 'ra',
        file: join(session.lab.folder, 'relay.pcap'),
        port: RELAY_PORT,
      });
      await sleep(1_000);
      const recorded = (await attacker.call<Datagram[]>('recorded')).slice(0, 200);
      await attacker.call('stopRecording');
      expect(recorded.length).toBeGreaterThan(20);
      const before = [await relayRules('a'), await relayRules('b')];
      const sent = recorded.flatMap((d, i) => {
        const bytes = Buffer.from(d.payload, 'base64');
        const at = (i * 7) % bytes.length;
        const torn = Buffer.from(bytes);
        torn[at]! ^= 1 << (i & 7);
        const other = { ...d, from: { address: '203.0.113.77', port: 7_949 } };
        const with_ = (payload: Buffer) => ({ payload: payload.toString('base64') });
        return [
          d,
          other,
          { ...d, ...with_(torn) },
          { ...other, ...with_(torn) },
          { ...d, ...with_(bytes.subarray(0, at)) },
        ];
      });
      expect(await attacker.call('send', sent)).toBe(sent.length);
      await stream.mark();
      await sleep(1_000);
      expect([await relayRules('a'), await relayRules('b')]).toEqual(before);
      const { server, client } = await stream.reports();
      for (const end of [...server, ...client]) expect(end).toMatchObject({ wrong: 0, closed: null });
      expect(Math.max(...client.map((r) => r.maxGapMs))).toBeLessThan(1_000);

      // What it goes by outlives the old host's dom0.
      const host = session.other;
      await session.hosts[host].kill();
      await session.restartHost(host);
      // Whoever has recorded what its end has heard before is not taken for the desktop's host, also by one that has just begun.
      const elsewhere = { address: '203.0.113.77', port: RELAY_PORT };
      const again = recorded.filter((d) => d.to.address === HOSTS[host].address);
      await attacker.call(
        'send',
        again.map((d) => ({ ...d, from: elsewhere })),
      );
      const mark = (await stream.reports()).client[0]!.received;
      await until('the stream goes on', async () => (await stream.reports()).client[0]!.received > mark);
      const ends = (await readdir(join(session.lab.folder, host, 'relays'))).map((name) =>
        readFile(join(session.lab.folder, host, 'relays', name), 'utf8'),
      );
      expect((await Promise.all(ends)).join()).not.toContain(elsewhere.address);
      expectWhole(await stream.finish());
      await until('nothing is kept', async () => !(await left(host)).includes(old), 30_000);

      session.lab.relayLimitMs = 3_000;
      await session.hosts[session.at].kill();
      await session.restartHost(session.at);
      await session.untilConnected();
      await connect({ server: true, desktop: true });
      const kept = session.external;
      await moveOn();
      await until('the limit has come', async () => !(await left(session.other)).includes(kept), 30_000);
    },
    TEST_MS,
  );
});
