// Where desktops went, for clients that were off beyond the clean-up of their moves.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DesktopId } from '../../../../domain/model/ids.js';
import { Departed } from '../../../../guest-proxy/host/departed.js';
import { emptyRecord, type AddressChangeRecord } from '../../../../guest-proxy/host/network-record.js';
import { whatToTell } from '../../../../guest-proxy/host/what-to-tell.js';
import { hostB, stranger } from '../support.js';

const desktop = DesktopId.parse('desk-1');
const client = hostB.publicKey;
const record = { ...emptyRecord(desktop), clients: [client] };
const change = (epoch: number): AddressChangeRecord => ({
  desktop,
  epoch,
  oldExternal: `198.51.100.${String(epoch)}`,
  newExternal: `192.0.2.${String(epoch)}`,
  targetKey: hostB.publicKey,
});
const DAY_MS = 86_400_000;
let folder: string;
let nowMs: number;
let departed: Departed;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-departed-'));
  nowMs = 1_000 * DAY_MS;
  departed = new Departed(folder, () => nowMs);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function again(): Promise<Departed> {
  const restarted = new Departed(folder, () => nowMs);
  await restarted.load();
  return restarted;
}
const missed = (by: Departed, epoch: number, pendingEpoch = 0, who = client) =>
  by.recordFor('desk-1', who, { epoch, pendingEpoch })?.moved.map((m) => m.epoch) ?? [];

it('tells an enrolled client where the desktop went last, also after a restart', async () => {
  for (const epoch of [9, 5]) await departed.note(record, change(epoch));
  for (const book of [departed, await again()]) {
    expect(missed(book, 4)).toEqual([9]);
    expect(missed(book, 4, 5)).toEqual([9]);
    expect(missed(book, 5)).toEqual([9]);
    expect(missed(book, 9)).toEqual([]);
    expect(book.knows('desk-1', client)).toBe(true);
  }
});

it('leads a client on at once that was off while the desktop came and went, from where it knows the desktop', async () => {
  const addresses = ['198.51.100.10', '198.51.100.11'];
  for (let i = 0; i < 40; i += 1)
    await departed.note(record, { ...change(2 * i + 1), oldExternal: addresses[i % 2]! });
  const book = await again();
  for (const [epoch, localAddress] of [
    [0, addresses[0]!],
    [2, addresses[1]!],
    [4, addresses[0]!],
  ] as const)
    expect(
      whatToTell(book.recordFor('desk-1', client, { epoch, pendingEpoch: 0 })!, {
        localAddress,
        epoch,
        pendingEpoch: 0,
      }),
    ).toMatchObject([
      { kind: 'prepare', epoch: 79, oldExternal: localAddress, newExternal: change(79).newExternal },
    ]);
});

it('tells nobody else anything', async () => {
  await departed.note(record, change(5));
  expect(missed(departed, 4, 0, stranger.publicKey)).toEqual([]);
  expect(departed.knows('desk-1', stranger.publicKey)).toBe(false);
  expect(departed.knows('desk-2', client)).toBe(false);
});

it('gives the PREPARE that the client would have got where the desktop was', async () => {
  await departed.note(record, change(5));
  const told = whatToTell(departed.recordFor('desk-1', client, { epoch: 4, pendingEpoch: 0 })!, {
    localAddress: change(5).oldExternal,
    epoch: 4,
    pendingEpoch: 0,
  });
  expect(told).toMatchObject([{ kind: 'prepare', epoch: 5, newExternal: change(5).newExternal }]);
});

it('keeps nothing of a desktop without clients, and nothing for ever', async () => {
  await departed.note({ ...record, clients: [] }, change(5));
  expect(departed.knows('desk-1', client)).toBe(false);
  await departed.note(record, change(5));
  nowMs += 89 * DAY_MS;
  await departed.tick();
  expect((await again()).knows('desk-1', client)).toBe(true);
  nowMs += 2 * DAY_MS;
  await departed.tick();
  // Also of a host that was not started anew.
  expect(departed.knows('desk-1', client)).toBe(false);
  expect((await again()).knows('desk-1', client)).toBe(false);
});
