// A client whose key the authority has revoked while its session is open: from then on it learns nothing of its desktop and has no say in it.
import { DesktopSession, sleep, until } from './support/session.js';

/** A proxy says several HELLOs in this time. */
const HELLOS_MS = 2_000;

let session: DesktopSession;
beforeAll(async () => {
  session = await DesktopSession.create();
});
afterAll(async () => {
  await session.dispose();
});

const users = async () => (await session.call<unknown[]>(session.at, 'userEndpoints')).length;

it('follows a move before, and neither follows nor leads one after', async () => {
  const first = await session.move();
  expect(first).toMatchObject({ prepared: 1, committed: { confirmed: 1 } });
  await session.cleanUp(first.change);
  await session.untilConnected();
  const before = await session.status();
  await session.lab.revoke(session.config.identity.publicKey);
  await until('its session is ended', async () => (await users()) === 0, 30_000);

  const { change, prepared } = await session.prepare(1_000);
  await session.switchOver(change, 100);
  const { confirmed } = await session.commit(change, 1_000);
  expect({ prepared, confirmed }).toEqual({ prepared: 0, confirmed: 0 });
  const { external, epoch, pending } = await session.status();
  expect({ external, epoch, pending }).toEqual({
    external: before.external,
    epoch: before.epoch,
    pending: null,
  });

  // Not at the address that the desktop has left, nor at the new one, were it told of it, nor after both ends began anew.
  await Promise.all([session.proxy.kill(), session.hosts[session.at].kill()]);
  await session.restartHost(session.at);
  for (const address of [before.external, session.external]) {
    await session.restartProxy(address);
    await sleep(HELLOS_MS);
    expect(await session.status()).toMatchObject({ external: address, host: null });
    expect(await users()).toBe(0);
    await session.proxy.kill();
  }
});
