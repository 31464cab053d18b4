// A desktop moves while connections run through NATs that drop packets of connections which they have not seen begin, or that give each
// destination another port. Nothing of such a connection passes to the new address: it goes on over the old site, and is said to do so.
import { DesktopSession, expectWhole, sleep, until } from './support/session.js';
import type { NatKind } from './support/lab.js';

interface Relayed {
  oldExternal: string;
  connections: number;
  rttMs: number | null;
}
const CONNECTIONS = 3;

describe.each<[NatKind]>([['random-fully'], ['needs-syn'], ['loose-0-invalid-random']])(
  'a client behind a NAT of the kind %s',
  (nat) => {
    let session: DesktopSession;
    beforeAll(async () => {
      session = await DesktopSession.create(nat);
    });
    afterEach(() => session.endStreams());
    afterAll(() => session.dispose());

    it('keeps its connections over two moves, the second one home, and hears that they are relayed', async () => {
      const stream = await session.stream({ server: true, client: false }, CONNECTIONS);
      const old = session.external;
      await sleep(200);
      for (let i = 0; i < 2; i += 1) {
        const { change, committed } = await session.move(150);
        expect(committed).toEqual({ confirmed: 1, silent: 0 });
        await session.cleanUp(change);
        expect(await session.status()).toMatchObject({ relayed: CONNECTIONS, flows: CONNECTIONS });
        await until('the host says how many there are and what they pay', async () => {
          const [first] = await session.call<Relayed[]>(session.at, 'relayed');
          return first?.oldExternal === old && first.connections === CONNECTIONS && first.rttMs !== null;
        });
      }
      await stream.client.call('say');
      expectWhole(await stream.finish());
    });
  },
);

describe('a client behind a NAT that takes up connections under way', () => {
  let session: DesktopSession;
  beforeAll(async () => {
    session = await DesktopSession.create('drop-invalid');
  });
  afterAll(() => session.dispose());

  it('has them all at the new address, proved, and no packet leaves its NAT with an inner address', async () => {
    const stream = await session.stream({ server: true, client: true }, CONNECTIONS);
    await sleep(200);
    const { change } = await session.move(150);
    await until('each path is proved', async () => (await session.status()).relayed === 0);
    await until(
      'the host sends by none of the old ones',
      async () => (await session.call<unknown[]>(session.at, 'relayed')).length === 0,
    );
    await session.cleanUp(change);
    expectWhole(await stream.finish());
    expect(await session.lab.leaked()).toBe(0);
  });
});
