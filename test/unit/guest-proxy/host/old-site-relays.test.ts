// How long the flows of a desktop's users keep a relay, and how many a host takes. No socket is opened: what would be sent is dropped.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { DesktopId } from '../../../../domain/model/ids.js';
import { OldSiteRelays } from '../../../../guest-proxy/host/old-site-relays.js';
import { within } from '../../../../guest-proxy/host/relay-record.js';
import type { RelayOffer } from '../../../../guest-proxy/host/relay-record.js';

const DESKTOP = DesktopId.parse('desk-1');
const HOUR_MS = 3_600_000;
const USER = '203.0.113.1';
const OFFER: RelayOffer = {
  id: '0123456789abcdef',
  key: Buffer.alloc(32, 7).toString('base64'),
  oldExternal: '198.51.100.10',
  oldHost: { address: '198.51.100.1', port: 7_949 },
  generation: 0,
  flows: [
    { protocol: 'tcp', port: 5901, peer: { address: USER, port: 40_000 } },
    { protocol: 'tcp', port: 443, peer: { address: '203.0.113.9', port: 50_000 } },
  ],
  untilMs: null,
  users: [USER],
};
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'vms-relays-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

let nowMs = 0;
const relaysOfHost = () =>
  new OldSiteRelays({
    stateDir: folder,
    endpoint: { address: '192.0.2.1', port: 7_949 },
    limitMs: HOUR_MS,
    logger: pino({ level: 'silent' }),
    presence: () => ({ internal: '10.77.0.2', external: '192.0.2.10', active: true, guarded: false }),
    apply: () => Promise.resolve(),
    released: () => Promise.resolve(),
    now: () => nowMs,
  });

it('takes no more flows of all relays together than it has room for, those that came first, and hands on fewer', async () => {
  nowMs = 0;
  const relays = relaysOfHost();
  const offers = ['0', '1', '2', '3'].map((digit) => ({
    ...OFFER,
    id: digit.repeat(16),
    flows: Array.from({ length: 20_000 }, (_, i) => ({
      ...{ protocol: 'tcp' as const, port: 443 },
      peer: { address: `203.0.113.${digit}`, port: i + 1 },
    })),
  }));
  await relays.import(DESKTOP, offers);
  expect(relays.connections().map((r) => r.connections)).toEqual([20_000, 20_000, 20_000]);
  expect(relays.rules().outward).toHaveLength(60_000);
  const [first, ...rest] = offers;
  expect(within([{ flows: [] }, first!, ...rest], 30_000)).toMatchObject({ left: 50_000 });
  expect(within([{ flows: [] }, first!, ...rest], 30_000).relays.map((r) => r.flows.length)).toEqual([
    0, 20_000, 10_000, 0, 0,
  ]);
});

it('keeps a user’s flow beyond the relay’s time, but not one that nothing has been heard of for a day', async () => {
  nowMs = 0;
  const relays = relaysOfHost();
  await relays.import(DESKTOP, [OFFER]);
  const flowsAt = async (atMs: number) => {
    nowMs = atMs;
    await relays.tick();
    return relays.connections().map((r) => r.connections);
  };
  expect(await flowsAt(HOUR_MS / 2)).toEqual([2]);
  expect(await flowsAt(2 * HOUR_MS)).toEqual([1]);
  expect(await flowsAt(23 * HOUR_MS)).toEqual([1]);
  expect(await flowsAt(25 * HOUR_MS)).toEqual([]);
  expect(relays.rules().outward).toEqual([]);
});
