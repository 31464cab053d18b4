import { DesktopId } from '../../../../domain/model/ids.js';
import { type NetworkRecord, emptyRecord } from '../../../../guest-proxy/host/network-record.js';
import { standingFor, whatToTell } from '../../../../guest-proxy/host/what-to-tell.js';
import { type ClientState, onCommit, onPrepare } from '../../../../guest-proxy/client/client-state.js';
import { client, hostA, hostB, stranger } from '../support.js';

const A = '198.51.100.10';
const B = '192.0.2.10';
const desktop = DesktopId.parse('desk-1');
const change = { desktop, epoch: 5, oldExternal: A, newExternal: B, targetKey: hostB.publicKey };
const owner: NetworkRecord = {
  ...emptyRecord(desktop),
  external: A,
  active: true,
  epoch: 4,
  clients: [client.publicKey],
};
const preparing = { ...owner, outgoing: change };
const left = { ...owner, external: null, active: false, moved: [change] };
const expecting = { ...owner, external: B, active: false, expecting: change };
const arrived = { ...owner, external: B, epoch: 5 };

const view = (localAddress: string, epoch: number, pendingEpoch = 0) => ({
  localAddress,
  epoch,
  pendingEpoch,
});

it.each<[string, NetworkRecord, ReturnType<typeof view>, string | null]>([
  ['nothing while nothing happens', owner, view(A, 4), null],
  ['PREPARE again while a move is prepared', preparing, view(A, 4), 'prepare'],
  ['nothing more once it knows of the move', preparing, view(A, 4, 5), null],
  ['PREPARE also after the desktop has left', left, view(A, 4), 'prepare'],
  ['nothing by the old host once it knows', left, view(A, 4, 5), null],
  ['nothing while the target only expects the desktop', expecting, view(B, 4, 5), null],
  ['COMMIT again by the target when it missed it', arrived, view(B, 4, 5), 'commit'],
  ['nothing once it has followed', arrived, view(B, 5), null],
  ['ABORT again when it missed it', owner, view(A, 4, 5), 'abort'],
  ['COMMIT and the next step where the desktop has gone on', left, view(A, 2, 3), 'commit prepare'],
  ['no COMMIT of what was not prepared', arrived, view(B, 3, 0), null],
])('tells a client %s', (_, record, client_, kind) => {
  expect(whatToTell(record, client_).map((m) => m.kind)).toEqual(kind?.split(' ') ?? []);
});

it('knows enrolled clients only, and only at its own addresses of the desktop', () => {
  expect(standingFor(owner, client.publicKey, A)).toEqual({ role: 'owner', epoch: 4 });
  expect(standingFor(owner, stranger.publicKey, A)).toBeNull();
  expect(standingFor(owner, client.publicKey, B)).toBeNull();
  expect(standingFor(null, client.publicKey, A)).toBeNull();
});

it('speaks for the epoch before at an address that the desktop has left', () => {
  expect(standingFor({ ...left, epoch: 5 }, client.publicKey, A)).toEqual({ role: 'moved', epoch: 4 });
});

it('a client that was away for a chain of moves ends where the desktop is, step by step', () => {
  const C = '203.0.113.7';
  const trusted = [hostA.publicKey, hostB.publicKey];
  const onward = { ...change, epoch: 6, oldExternal: B, newExternal: C, targetKey: hostA.publicKey };
  const records: Record<string, [NetworkRecord, string]> = {
    [A]: [left, hostA.publicKey],
    [B]: [{ ...left, moved: [onward] }, hostB.publicKey],
    [C]: [{ ...owner, external: C, epoch: 6 }, hostA.publicKey],
  };
  let state: ClientState = {
    version: 1,
    desktop,
    issuedAtMs: 0,
    vouched: [],
    epoch: 4,
    hostKey: hostA.publicKey,
    current: A,
    left: [],
    previous: null,
    pending: null,
    flows: [],
    stampBase: 0,
  };
  for (let second = 0; second < 5; second += 1)
    for (const address of [state.current, state.pending?.newExternal]) {
      const [record, hostKey] = records[address ?? ''] ?? [];
      if (address === undefined || record === undefined || hostKey === undefined) continue;
      const view_ = view(address, state.epoch, state.pending?.epoch ?? 0);
      for (const message of whatToTell(record, view_)) {
        const decision =
          message.kind === 'prepare'
            ? onPrepare(state, message, hostKey, trusted, 0)
            : onCommit(state, message as { desktop: string; epoch: number }, { hostKey, address }, [], 0);
        if ('state' in decision) state = decision.state;
      }
    }
  expect(state).toMatchObject({ current: C, epoch: 6, pending: null, hostKey: hostA.publicKey });
});
