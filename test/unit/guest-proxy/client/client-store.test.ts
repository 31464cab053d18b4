import { ClientStore } from '../../../../guest-proxy/client/client-store.js';
import type { ClientState } from '../../../../guest-proxy/client/client-state.js';
import { makeClientConfig } from '../../../../guest-proxy/protocol/client-config.js';
import { errno, ModelDisk } from '../../os/model-disk.js';
import { hostA } from '../support.js';

const PATH = '/state/client-desk-1.json';
const A = '198.51.100.10';
const B = '192.0.2.10';
const config = makeClientConfig({ desktop: 'desk-1', external: A, hosts: [hostA.publicKey], probes: [] });

let disk: ModelDisk;
let plane: { broken: boolean; applied: string[] };
let store: ClientStore;

function open(from = config): ClientStore {
  return new ClientStore(
    PATH,
    from,
    {
      apply: async (desktop) => {
        if (plane.broken) throw new Error('no nft');
        plane.applied.push(desktop);
      },
      remove: async () => undefined,
      standing: async () => null,
    },
    { files: disk.files },
  );
}
const moved = (state: ClientState): ClientState => ({ ...state, epoch: 5, current: B });
const syncFails = (times: number) => {
  disk.fault = ({ operation, path }) =>
    operation === 'sync' && path === '/state' && times-- > 0 ? { when: 'before', error: errno('EIO') } : null;
};

beforeEach(async () => {
  disk = new ModelDisk();
  plane = { broken: false, applied: [] };
  store = open();
  await store.load(1_000);
  await store.apply(store.state);
});

it('the state is what was recorded, also for the next run, whose stamps go on above the last ones', async () => {
  const stamp = store.nextStamp();
  await store.apply(moved(store.state));
  const next = open();
  await next.load(0);
  expect(next.state).toMatchObject({ epoch: 5, current: B });
  expect(next.nextStamp()).toBeGreaterThan(stamp);
});

it('a state that could not be recorded is given up: nobody is told that the desktop has moved', async () => {
  const before = store.state;
  disk.fault = ({ operation }) =>
    operation === 'writeNew' ? { when: 'before', error: errno('ENOSPC') } : null;
  await expect(store.apply(moved(before))).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  expect(store.state).toEqual(before);
  expect(store.inForce).toBe(false);
});

it('a state that was recorded although that failed is the state, and is not in force before it lasts', async () => {
  const next = moved(store.state);
  syncFails(3);
  await expect(store.apply(next)).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE' });
  expect(store.state).toEqual(next);
  expect(store.inForce).toBe(false);
  await store.apply(store.state);
  expect(store.inForce).toBe(true);
});

it('a state whose rules could not be applied is recorded and not in force', async () => {
  const next = moved(store.state);
  plane.broken = true;
  await expect(store.apply(next)).rejects.toThrow('no nft');
  expect(store.state).toEqual(next);
  expect(store.inForce).toBe(false);
});

it('a state that comes while an older one cannot be recorded is not lost', async () => {
  disk.fault = ({ operation }) => (operation === 'rename' ? { when: 'before', error: errno('EIO') } : null);
  const failing = store.apply(moved(store.state));
  const newer = { ...store.state, hostKey: hostA.publicKey };
  store.state = newer;
  await expect(failing).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  expect(store.state).toBe(newer);
});

it('a state that cannot be read is an error that names the file, and no reason to begin afresh', async () => {
  disk.fault = ({ operation }) => (operation === 'readText' ? { when: 'before', error: errno('EIO') } : null);
  const next = open();
  await expect(next.load(0)).rejects.toMatchObject({
    code: 'RECORD_UNREADABLE',
    message: expect.stringContaining(PATH),
  });
});

it('a saved end that the clock has put off by going back is no further off than it may be', async () => {
  const dayMs = 86_400_000;
  await store.apply({
    ...moved(store.state),
    previous: { address: A, untilMs: dayMs + 10_000, flows: [] },
    pending: { epoch: 6, newExternal: A, targetKey: hostA.publicKey, expiresAtMs: dayMs, lapsed: false },
  });
  const next = open();
  await next.load(5.5);
  expect(next.state.previous?.untilMs).toBe(10_005.5);
  expect(next.state.pending?.expiresAtMs).toBe(3_600_005.5);
});

describe('a configuration that was made later', () => {
  const C = '203.0.113.7';
  const flow = {
    protocol: 'tcp' as const,
    local: { address: '10.0.0.2', port: 5_000 },
    remote: { address: A, port: 22 },
  };
  const enrolled = (issuedAtMs: number, external: string) =>
    makeClientConfig({ desktop: 'desk-1', external, issuedAtMs, hosts: [hostA.publicKey], probes: [] });
  beforeEach(() => store.apply({ ...moved(store.state), hostKey: hostA.publicKey, flows: [flow] }));

  it('wins over what the proxy has kept, but for its open sockets, and goes on winning', async () => {
    const stamp = store.nextStamp();
    const next = open(enrolled(7, C));
    await next.load(1_000);
    expect(next.state).toMatchObject({ current: C, epoch: 0, hostKey: null, flows: [flow], issuedAtMs: 7 });
    expect(next.nextStamp()).toBeGreaterThan(stamp);
    const again = open(enrolled(7, C));
    await again.load(1_000);
    expect(again.state).toMatchObject({ current: C, issuedAtMs: 7 });
  });

  it('does not undo what was learnt since, nor does an older one win over it', async () => {
    const next = open(enrolled(7, C));
    await next.load(1_000);
    await next.apply(moved(next.state));
    for (const issuedAtMs of [7, 6, 0]) {
      const later = open(enrolled(issuedAtMs, C));
      await later.load(1_000);
      expect(later.state).toMatchObject({ current: B, epoch: 5, issuedAtMs: 7 });
    }
  });
});
