// A desktop moves between two hosts while TCP streams with known bytes run through a masquerading NAT that answers unexpected packets with RST.
import { DesktopSession, expectWhole, sleep, until } from './support/session.js';

const MOVED = { prepared: 1, silent: 0, committed: { confirmed: 1, silent: 0 } };

describe('a desktop with open connections moves', () => {
  let session: DesktopSession;
  beforeAll(async () => {
    session = await DesktopSession.create();
  });
  afterEach(async () => {
    await session.endStreams();
  });
  afterAll(async () => {
    await session.dispose();
  });

  it.each([
    ['both ends send', { server: true, client: true }, 1],
    ['only the desktop sends', { server: true, client: false }, 1],
    ['only the client sends', { server: false, client: true }, 1],
    ['twenty connections are open', { server: true, client: true }, 20],
  ])(
    'keeps the same sockets there and back, not a byte lost or doubled, when %s',
    async (_, sends, connections) => {
      const stream = await session.stream(sends, connections);
      const ports = (await stream.reports()).client.map((r) => r.localPort);
      await sleep(300);
      for (let i = 0; i < 2; i += 1) {
        const moved = await session.move();
        expect(moved).toMatchObject(MOVED);
        await sleep(500);
        await session.cleanUp(moved.change);
      }
      const reports = await stream.finish();
      expect(reports.client.map((r) => r.localPort)).toEqual(ports);
      expectWhole(reports);
    },
  );

  it('holds packets for the paused desktop and sends them on in order', async () => {
    const stream = await session.stream({ server: false, client: true });
    const { change } = await session.prepare();
    const held = await session.switchOver(change, 300);
    expect(await session.commit(change)).toEqual({ confirmed: 1, silent: 0 });
    await session.cleanUp(change);
    expect(held).toBeGreaterThan(0);
    expectWhole(await stream.finish());
  });

  it('needs the old host no more once the clients have confirmed', async () => {
    const stream = await session.stream({ server: true, client: true });
    const { change, ...moved } = await session.move();
    expect(moved).toMatchObject(MOVED);
    await session.cleanUp(change);
    const leakedBefore = await session.lab.leaked();
    await sleep(500);
    expect(await session.lab.leaked()).toBe(leakedBefore);
    expectWhole(await stream.finish());
  });

  it('goes on where it was, with no rule left, when the move is called off', async () => {
    const stream = await session.stream({ server: true, client: true });
    const port = `10.0.0.2 . ${String((await stream.reports()).client[0]!.localPort)} `;
    const { change, prepared } = await session.prepare();
    expect(prepared).toBe(1);
    expect(await session.lab.clientRules()).toContain(`${port}. ${change.newExternal}`);
    await session.call(session.at, 'hold', change.desktop);
    await sleep(200);
    const { packets } = await session.call<{ packets: number }>(session.at, 'releaseHere', change.desktop);
    await session.callOff(change);
    expect(packets).toBeGreaterThan(0);
    expect(await session.status()).toMatchObject({ external: change.oldExternal, pending: null });
    expect(await session.lab.clientRules()).not.toContain(port);
    expectWhole(await stream.finish());
  });

  it('reaches its desktop by the address that a viewer remembers, opened again after the move, and follows it on', async () => {
    const remembered = session.external;
    await session.cleanUp((await session.move(50)).change);
    const stream = await session.stream({ server: true, client: true }, 1, remembered);
    await sleep(300);
    await session.cleanUp((await session.move(50)).change);
    await sleep(300);
    expectWhole(await stream.finish());
  });

  it('drops the rules of connections that were closed', async () => {
    await sleep(100);
    await session.cleanUp((await session.move(50)).change);
    await until('the rules are gone', async () => {
      const { flows, rewritten } = await session.status();
      return flows === 0 && rewritten === 0;
    });
  });
});

describe('a desktop comes back to an address that it had', () => {
  let session: DesktopSession;
  beforeAll(async () => {
    session = await DesktopSession.create('drop', 1);
  });
  afterEach(async () => {
    await session.endStreams();
  });
  afterAll(async () => {
    await session.dispose();
  });

  it.each([
    ['both ends send', { server: true, client: true }],
    ['only the desktop sends', { server: true, client: false }],
  ])(
    'keeps the connection, and no rule remains, though the NAT had seen and forgotten it there, when %s',
    async (_, sends) => {
      const stream = await session.stream(sends);
      await sleep(300);
      const first = session.external;
      await session.move().then(({ change }) => sleep(3_500).then(() => session.cleanUp(change)));
      expect(await session.status()).toMatchObject({ flows: 1, rewritten: 1 });
      // The NAT forgets a connection 10 s after a RST (nf_conntrack_tcp_timeout_close).
      await sleep(10_000);
      const back = await session.move();
      expect(session.external).toBe(first);
      expect(await session.status()).toMatchObject({ external: first, rewritten: 0 });
      await sleep(500);
      expectWhole(await stream.finish());
      await session.cleanUp(back.change);
    },
  );
});
