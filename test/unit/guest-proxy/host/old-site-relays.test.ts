// How long the flows of a desktop's users keep a relay. No socket is opened: what would be sent is dropped.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { DesktopId } from '../../../../domain/model/ids.js';
import { OldSiteRelays } from '../../../../guest-proxy/host/old-site-relays.js';
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

it('keeps a user’s flow beyond the relay’s time, but not one that nothing has been heard of for a day', async () => {
  let nowMs = 0;
  const relays = new OldSiteRelays({
    stateDir: folder,
    endpoint: { address: '192.0.2.1', port: 7_949 },
    limitMs: HOUR_MS,
    logger: pino({ level: 'silent' }),
    presence: () => ({ internal: '10.77.0.2', external: '192.0.2.10', active: true, guarded: false }),
    apply: () => Promise.resolve(),
    released: () => Promise.resolve(),
    now: () => nowMs,
  });
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
