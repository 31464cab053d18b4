// Nobody without the right key moves a flow: what an attacker on the path, or a host that does not own the desktop, can send changes nothing.
import { join } from 'node:path';
import { CONTROL_PORT, definition, DESKTOP, DESKTOP_PORT, HOSTS, ROUTER } from './support/lab.js';
import { ASK_BYTES, ASK_MAGIC } from '../../../guest-proxy/protocol/path-proof.js';
import type { Helper } from '../../support/rpc.js';
import { DesktopSession, expectWhole, sleep, until } from './support/session.js';

interface Datagram {
  from: { address: string; port: number };
  to: { address: string; port: number };
  payload: string;
}

let session: DesktopSession;
let attacker: Helper;
beforeAll(async () => {
  session = await DesktopSession.create('drop');
  attacker = await session.lab.start(ROUTER, 'attacker-process.ts', {
    device: 'rn',
    file: join(session.lab.folder, 'control.pcap'),
    port: CONTROL_PORT,
  });
});
afterEach(async () => {
  await session.endStreams();
});
afterAll(async () => {
  await attacker.call('stopRecording');
  await session.dispose();
});

/** All that a successful attack could have changed. */
async function situation() {
  const { desktop, epoch, external, pending, host } = await session.status();
  const users = await session.call<{ client: string; seenAs: unknown }[]>(session.at, 'userEndpoints');
  return {
    client: { desktop, epoch, external, pending, host },
    users: users.map(({ client, seenAs }) => ({ client, seenAs })),
    clientRules: await session.lab.clientRules(),
    hostRules:
      (await session.lab.exec(HOSTS.a.namespace, 'nft', '-s', 'list', 'ruleset')) +
      (await session.lab.exec(HOSTS.b.namespace, 'nft', '-s', 'list', 'ruleset')),
  };
}

/** Tell whether no rule is left that goes by itself: the client's previous address, the guards of client and hosts. */
async function rulesRest(): Promise<boolean> {
  const { clientRules, hostRules } = await situation();
  return ![clientRules, hostRules].some((rules) =>
    /set (closing|guarded|relayin) \{[^}]*elements/.test(rules),
  );
}

it('is not moved by any control packet of earlier moves sent again, in any order, to either end', async () => {
  const stream = await session.stream({ server: true, client: true });
  for (let i = 0; i < 3; i += 1) {
    const { change } = await session.move(100);
    await session.cleanUp(change);
  }
  await until(
    'the previous address, the RST guards and the old sites’ relays have run out',
    rulesRest,
    60_000,
  );
  const recorded = await attacker.call<Datagram[]>('recorded');
  expect(recorded.length).toBeGreaterThan(20);
  const before = await situation();
  for (const order of [recorded, [...recorded].reverse()]) {
    await attacker.call('send', order);
    // The same to where the desktop is now, as if that host or its client had sent it.
    const here = { address: session.external, port: CONTROL_PORT };
    const toClient = order.filter((d) => d.from.port === CONTROL_PORT).map((d) => ({ ...d, from: here }));
    const toHost = order.filter((d) => d.to.port === CONTROL_PORT).map((d) => ({ ...d, to: here }));
    await attacker.call('send', [...toClient, ...toHost]);
  }
  await sleep(500);
  expect(await situation()).toEqual(before);
  expectWhole(await stream.finish());
}, 120_000);

/** The part of the client's rules that says where flows go. */
const inMaps = (rules: string) => rules.slice(0, rules.indexOf('set '));

it('refuses a target whose key is not one of the cloud', async () => {
  await until('the rules of the last stream are gone', async () => (await session.status()).flows === 0);
  await session.hosts[session.other].kill();
  await session.restartHost(session.other, 'rogue');
  const { change, prepared } = await session.prepare(1_000);
  expect(prepared).toBe(0);
  expect((await session.status()).pending).toBeNull();
  expect((await session.status()).refused).toHaveProperty('the target is not a host of the cloud');
  // Moves before it may have left from there: that address is remembered, and no flow goes to it.
  expect(inMaps(await session.lab.clientRules())).not.toContain(change.newExternal);
  await session.callOff(change);
});

it('does not go where another host answers than the one that was named', async () => {
  // `other` runs with a key that is not the cloud's; the change names the right one.
  const named = session.config.hosts[session.other === 'a' ? 0 : 1]!;
  const { change, prepared } = await session.prepare(1_000, { targetKey: named });
  expect(prepared).toBe(0);
  await expect(session.call(session.other, 'commitClients', change, 500)).rejects.toThrow(
    /another host's key/,
  );
  expect((await session.status()).external).toBe(session.external);
  await session.callOff(change);
  await session.hosts[session.other].kill();
  await session.restartHost(session.other);
});

it('is not moved by a host of the cloud that the owner did not name', async () => {
  const { change } = await session.prepare(4_000);
  await session.callOff(change);
  const before = await session.status();
  // The target of the move that was called off commits it all the same.
  await session.lab.cable(session.other);
  await session.call(session.other, 'attach', definition);
  const newExternal = await session.call<string>(session.other, 'allocateExternal', definition.id);
  await session.call(session.other, 'enroll', definition.id, [session.config.identity.publicKey]);
  const usurped = { ...change, newExternal };
  await session.call(session.other, 'expect', usurped);
  await session.call(session.other, 'activate', definition);
  expect(await session.call(session.other, 'commitClients', usurped, 1_000)).toEqual({
    confirmed: 0,
    silent: 1,
  });
  const after = await session.status();
  expect(after).toMatchObject({ external: before.external, epoch: before.epoch, pending: null });
});

/** Datagrams of a length that have reached the desktop. */
async function reached(counter: string): Promise<number> {
  const text = await session.lab.exec(DESKTOP, 'nft', 'list', 'counter', 'ip', 'seen', counter);
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

it('drops what asks for a path without a right to, in the kernel beyond a rate, also while dom0 is down', async () => {
  await session.lab.nft(
    DESKTOP,
    `table ip seen { counter asks { }
      counter others { }
      chain input { type filter hook input priority 0;
        udp length ${String(8 + ASK_BYTES)} counter name asks
        udp length 12 counter name others
      }
    }`,
  );
  const datagram = (payload: Buffer): Datagram => ({
    from: { address: '203.0.113.66', port: 5 },
    to: { address: session.external, port: DESKTOP_PORT },
    payload: payload.toString('base64'),
  });
  const ask = datagram(Buffer.concat([ASK_MAGIC, Buffer.alloc(ASK_BYTES - ASK_MAGIC.length, 7)]));
  const other = datagram(Buffer.from('more'));
  const FLOOD = 20_000;
  await attacker.call('send', [...new Array<Datagram>(FLOOD).fill(ask), other]);
  await until('what is no ASK arrives', async () => (await reached('others')) > 0);
  const { namespace } = HOSTS[session.at];
  const chain = await session.lab.exec(namespace, 'nft', 'list', 'chain', 'ip', 'vmshadow_flows', 'asked');
  const dropped = [...chain.matchAll(/counter packets (\d+)/g)].reduce((n, m) => n + Number(m[1]), 0);
  expect(dropped).toBeGreaterThan(FLOOD / 2);
  await session.hosts[session.at].kill();
  const before = await reached('others');
  await attacker.call('send', [...new Array<Datagram>(100).fill(ask), other]);
  await until('what is no ASK arrives without dom0', async () => (await reached('others')) > before);
  expect(await reached('asks')).toBe(0);
  await session.restartHost(session.at);
});
