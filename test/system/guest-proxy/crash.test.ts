// Processes of the connection proxy die at bad moments, or are away for a whole move; the NAT answers unexpected packets with RST.
import { definition } from './support/lab.js';
import { DesktopSession, expectWhole, sleep, until } from './support/session.js';

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

const caughtUp = () =>
  until('the proxy knows where the desktop is', async () => {
    const status = await session.status();
    return status.external === session.external && status.epoch === session.epoch && status.host !== null;
  });

it('keeps the connection when the client proxy is killed between PREPARE and COMMIT', async () => {
  const stream = await session.stream({ server: true, client: true });
  const { change, prepared } = await session.prepare();
  expect(prepared).toBe(1);
  await session.proxy.kill();
  await session.switchOver(change, 200);
  expect(await session.commit(change, 500)).toEqual({ confirmed: 0, silent: 1 });
  await sleep(500);
  await session.restartProxy();
  await caughtUp();
  await session.cleanUp(change);
  await sleep(300);
  expectWhole(await stream.finish());
});

it('keeps the connection when the client proxy is killed after COMMIT, and follows the next move', async () => {
  const stream = await session.stream({ server: true, client: true });
  const first = await session.move();
  await session.proxy.kill();
  await session.cleanUp(first.change);
  await sleep(500);
  await session.restartProxy();
  await caughtUp();
  await session.untilConnected();
  const second = await session.move();
  expect(second).toMatchObject({ prepared: 1, committed: { confirmed: 1 } });
  await session.cleanUp(second.change);
  expectWhole(await stream.finish());
});

it('keeps the connection when the client proxy was away for the whole move, though the NAT refuses the desktop meanwhile', async () => {
  const stream = await session.stream({ server: true, client: true });
  await sleep(200);
  await session.proxy.kill();
  const { change, prepared } = await session.prepare(300);
  expect(prepared).toBe(0);
  await session.switchOver(change, 100);
  await session.commit(change, 300);
  await sleep(500);
  await session.restartProxy();
  await caughtUp();
  await sleep(500);
  await session.cleanUp(change);
  expectWhole(await stream.finish());
});

it('finds its desktop again when the client proxy was away for two whole moves and their clean-ups, and follows the next', async () => {
  await session.proxy.kill();
  for (let moves = 0; moves < 2; moves++) {
    const { change, prepared } = await session.prepare(300);
    expect(prepared).toBe(0);
    await session.switchOver(change, 50);
    await session.commit(change, 300);
    await session.cleanUp(change);
  }
  await session.restartProxy();
  await until(
    'the proxy knows where the desktop is',
    async () => {
      const status = await session.status();
      return status.external === session.external && status.epoch === session.epoch && status.host !== null;
    },
    90_000,
  );
  const { change, prepared } = await session.move();
  expect(prepared).toBe(1);
  await session.cleanUp(change);
});

it('takes up rules, addresses and clients when a host proxy is killed in the middle of a move', async () => {
  const stream = await session.stream({ server: true, client: true });
  const { change } = await session.prepare();
  await session.hosts.a.kill();
  await session.hosts.b.kill();
  await session.restartHost('a');
  await session.restartHost('b');
  await until('the client says hello again', async () => {
    const users = await session.call<unknown[]>(session.at, 'userEndpoints');
    return users.length === 1;
  });
  await session.switchOver(change, 200);
  expect(await session.commit(change, 10_000)).toEqual({ confirmed: 1, silent: 0 });
  await session.cleanUp(change);
  expectWhole(await stream.finish());
});

it('lets packets pass again when the process that held them was killed', async () => {
  const stream = await session.stream({ server: true, client: true });
  await session.call(session.at, 'hold', definition.id);
  await sleep(200);
  const held = await stream.reports();
  await session.hosts[session.at].kill();
  await until('packets pass', async () => {
    const passing = await stream.reports();
    return passing.server[0]!.received > held.server[0]!.received;
  });
  await session.restartHost(session.at);
  expectWhole(await stream.finish());
});

it('refuses to commit an epoch older than the one it has recorded, also after a restart', async () => {
  for (let i = 0; i < 2; i += 1) await session.cleanUp((await session.move(50)).change);
  const key = await session.hosts[session.at].call<string>('publicKey');
  await session.hosts[session.at].kill();
  await session.restartHost(session.at);
  const stale = {
    desktop: definition.id,
    epoch: 1,
    oldExternal: '192.0.2.99',
    newExternal: session.external,
    targetKey: key,
  };
  await expect(session.call(session.at, 'commitClients', stale, 500)).rejects.toThrow(/is older than/);
});
