// A desktop moves while it has connections to a server that runs no proxy. Both sites' networks drop what does not bear an address of theirs.
import { DesktopSession, expectWhole, sleep, Stream, until } from './support/session.js';
import { DESKTOP, HOSTS, type HostName, ROUTER } from './support/lab.js';

const SERVER = '203.0.113.254';
const TEST_MS = 90_000;

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
});
