import {
  addressesOf,
  type ClientState,
  type Decision,
  MAX_LIFETIME_MS,
  onAbort,
  onCommit,
  onHostAnswer,
  onPrepare,
  onSeekAnswer,
  onTime,
  onVouch,
  standsFor,
  trustedHosts,
  PREVIOUS_ADDRESS_MS,
} from '../../../../guest-proxy/client/client-state.js';
import type { Message } from '../../../../guest-proxy/protocol/messages.js';
import { hostA, hostB, stranger } from '../support.js';

const A = '198.51.100.10';
const B = '192.0.2.10';
const TRUSTED = [hostA.publicKey, hostB.publicKey];
const NOW = 1_000_000;

const settled: ClientState = {
  version: 1,
  issuedAtMs: 0,
  vouched: [],
  desktop: 'desk-1',
  epoch: 4,
  hostKey: hostA.publicKey,
  current: A,
  left: [],
  previous: null,
  pending: null,
  flows: [],
  stampBase: 0,
};
const prepare: Extract<Message, { kind: 'prepare' }> = {
  kind: 'prepare',
  desktop: 'desk-1',
  epoch: 5,
  oldExternal: A,
  newExternal: B,
  targetKey: hostB.publicBytes,
  lifetimeMs: 60_000,
};
const accepted = (decision: Decision): ClientState => {
  if ('refused' in decision) throw new Error(decision.refused);
  return decision.state;
};
const prepared = accepted(onPrepare(settled, prepare, hostA.publicKey, TRUSTED, NOW));
const fromB = { hostKey: hostB.publicKey, address: B };
const commit = { desktop: 'desk-1', epoch: 5 };

it('follows PREPARE and COMMIT to the new address', () => {
  expect(addressesOf(prepared)).toEqual({ current: A, pending: B, previous: null, left: [] });
  const moved = accepted(onCommit(prepared, commit, fromB, [], NOW));
  expect(moved).toMatchObject({ epoch: 5, current: B, hostKey: hostB.publicKey, pending: null });
  expect(addressesOf(onTime(moved, NOW + PREVIOUS_ADDRESS_MS))).toEqual({
    current: B,
    pending: null,
    previous: null,
    left: [A],
  });
});

it('remembers where the desktop was, the last one first, but not where it is again', () => {
  const moved = accepted(onCommit(prepared, commit, fromB, [], NOW));
  const home = { ...prepare, epoch: 6, oldExternal: B, newExternal: A, targetKey: hostA.publicBytes };
  const back = accepted(onPrepare(moved, home, hostB.publicKey, TRUSTED, NOW));
  const fromA = { hostKey: hostA.publicKey, address: A };
  expect(accepted(onCommit(back, { ...commit, epoch: 6 }, fromA, [], NOW)).left).toEqual([B]);
});

it('confirms a COMMIT again without changing anything', () => {
  const moved = accepted(onCommit(prepared, commit, fromB, [], NOW));
  expect(accepted(onCommit(moved, commit, fromB, [], NOW + 5))).toBe(moved);
});

it.each<[string, Partial<typeof prepare>, string]>([
  ['for another desktop', { desktop: 'desk-2' }, hostA.publicKey],
  ['of the present epoch', { epoch: 4 }, hostA.publicKey],
  ['of an older epoch', { epoch: 3 }, hostA.publicKey],
  ['from where the desktop is not', { oldExternal: '203.0.113.9' }, hostA.publicKey],
  ['to where it is already', { newExternal: A }, hostA.publicKey],
  ['to a host that is not of the cloud', { targetKey: stranger.publicBytes }, hostA.publicKey],
  ['by a host of the cloud that does not own the desktop', {}, hostB.publicKey],
])('refuses a PREPARE %s', (_, change, sender) => {
  expect(onPrepare(settled, { ...prepare, ...change }, sender, TRUSTED, NOW)).toHaveProperty('refused');
});

it('refuses a PREPARE before any host has been met', () => {
  expect(onPrepare({ ...settled, hostKey: null }, prepare, hostA.publicKey, TRUSTED, NOW)).toHaveProperty(
    'refused',
  );
});

it.each([
  ['that was not prepared', settled, commit, fromB],
  ['of another epoch', prepared, { ...commit, epoch: 6 }, fromB],
  ['of an older epoch', prepared, { ...commit, epoch: 3 }, fromB],
  ['by the old host', prepared, commit, { hostKey: hostA.publicKey, address: A }],
  [
    'by the right key from another address',
    prepared,
    commit,
    { hostKey: hostB.publicKey, address: '203.0.113.9' },
  ],
  ['by another key from the right address', prepared, commit, { hostKey: stranger.publicKey, address: B }],
  ['for another desktop', prepared, { ...commit, desktop: 'desk-2' }, fromB],
])('refuses a COMMIT %s', (_, state, message, from) => {
  expect(onCommit(state, message, from, [], NOW)).toHaveProperty('refused');
});

it('forgets a change that its host calls off, and only its host may', () => {
  expect(accepted(onAbort(prepared, commit, hostA.publicKey)).pending).toBeNull();
  expect(onAbort(prepared, commit, hostB.publicKey)).toHaveProperty('refused');
  expect(accepted(onAbort(prepared, { ...commit, epoch: 9 }, hostA.publicKey))).toBe(prepared);
  expect(
    onCommit(accepted(onAbort(prepared, commit, hostA.publicKey)), commit, fromB, [], NOW),
  ).toHaveProperty('refused');
});

it('takes the newest PREPARE of the owner when the desktop is to go elsewhere after all', () => {
  const elsewhere = { ...prepare, newExternal: '203.0.113.20' };
  const next = accepted(onPrepare(prepared, elsewhere, hostA.publicKey, TRUSTED, NOW));
  expect(onCommit(next, commit, fromB, [], NOW)).toHaveProperty('refused');
});

it('drops prepared rules when their lifetime is over, and can still follow a late COMMIT', () => {
  const lapsed = onTime(prepared, NOW + 60_000);
  expect(addressesOf(lapsed).pending).toBeNull();
  expect(accepted(onCommit(lapsed, commit, fromB, [], NOW)).current).toBe(B);
  expect(onTime(prepared, NOW + 59_999)).toBe(prepared);
});

it('bounds the lifetime that a host may ask for', () => {
  const greedy = accepted(
    onPrepare(settled, { ...prepare, lifetimeMs: 0xffff_ffff }, hostA.publicKey, TRUSTED, NOW),
  );
  expect(greedy.pending?.expiresAtMs).toBe(NOW + MAX_LIFETIME_MS);
});

describe('the host that answers', () => {
  const answer = { address: A, hostKey: hostA.publicKey, role: 'owner', epoch: 7 } as const;
  const fresh: ClientState = { ...settled, hostKey: null, epoch: 0 };

  it('is adopted with its epoch when it is the first and owns the desktop', () => {
    expect(accepted(onHostAnswer(fresh, answer, TRUSTED))).toMatchObject({
      hostKey: hostA.publicKey,
      epoch: 7,
    });
  });

  it.each([
    ['a stranger', fresh, { ...answer, hostKey: stranger.publicKey }],
    ['a host that only expects the desktop', fresh, { ...answer, role: 'expecting' as const }],
    ['a host that is behind', { ...fresh, epoch: 9 }, answer],
    ['another host at the present address', settled, { ...answer, hostKey: hostB.publicKey }],
    ['the owner at an address that was never announced', settled, { ...answer, address: B }],
    ['the owner at the announced address', prepared, { ...answer, address: B }],
  ])('is refused when it is %s', (_, state, from) => {
    expect(onHostAnswer(state, from, TRUSTED)).toHaveProperty('refused');
  });

  it('is talked to at the announced address when it holds the announced key', () => {
    const target = { address: B, hostKey: hostB.publicKey, role: 'expecting', epoch: 4 } as const;
    expect(accepted(onHostAnswer(prepared, target, TRUSTED))).toBe(prepared);
  });
});

it.each(['127.0.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255', '240.0.0.1', '169.254.1.1', '10.0.0.2'])(
  'is not sent to %s, by whomever: not a desktop, or the client itself',
  (newExternal) => {
    const own = ['10.0.0.2'];
    const asked = { ...prepare, newExternal };
    expect(onPrepare(settled, asked, hostA.publicKey, TRUSTED, NOW, own)).toHaveProperty('refused');
    expect(onPrepare(settled, prepare, hostA.publicKey, TRUSTED, NOW, own)).toHaveProperty('state');
  },
);

describe('what the authority says of hosts', () => {
  const word = (serial: number, revoked: boolean, key = stranger.publicKey) => ({ key, serial, revoked });
  const signed = () => true;

  it('adds a host that the configuration does not know, so that the desktop may go there', () => {
    const toNew = { ...prepare, targetKey: stranger.publicBytes };
    expect(onPrepare(settled, toNew, hostA.publicKey, TRUSTED, NOW)).toHaveProperty('refused');
    const told = accepted(onVouch(settled, word(1, false), signed));
    const trusted = trustedHosts(told, TRUSTED);
    expect(onPrepare(told, toNew, hostA.publicKey, trusted, NOW)).toHaveProperty('state');
  });

  it('takes a host away, also one of the configuration, and an older word never brings it back', () => {
    const told = accepted(onVouch(settled, word(5, true, hostB.publicKey), signed));
    expect(trustedHosts(told, TRUSTED)).toEqual([hostA.publicKey]);
    for (const serial of [4, 5])
      expect(accepted(onVouch(told, word(serial, false, hostB.publicKey), signed))).toBe(told);
    expect(trustedHosts(accepted(onVouch(told, word(6, false, hostB.publicKey), signed)), TRUSTED)).toContain(
      hostB.publicKey,
    );
  });

  it('counts for nothing without the signature', () => {
    expect(onVouch(settled, word(1, false), () => false)).toHaveProperty('refused');
  });
});

describe('a host that is asked at its own address', () => {
  const ask = (state: ClientState, hostKey: string, role: 'owner' | 'moved' = 'moved') =>
    onSeekAnswer(state, { hostKey, role }, TRUSTED);

  it('is believed where it has said what is known, and changes nothing by answering', () => {
    expect(ask(settled, hostA.publicKey)).toEqual({ state: settled });
    expect(standsFor(settled, hostA.publicKey)).toBe(A);
    expect(ask(prepared, hostB.publicKey)).toEqual({ state: prepared });
    expect(standsFor(prepared, hostB.publicKey)).toBe(B);
  });

  it.each<[string, ClientState, string, 'owner' | 'moved']>([
    ['is no host of the cloud', settled, stranger.publicKey, 'moved'],
    ['never had the desktop, as far as is known', settled, hostB.publicKey, 'moved'],
    ['claims to own it', settled, hostA.publicKey, 'owner'],
    ['was revoked', { ...settled, hostKey: stranger.publicKey }, stranger.publicKey, 'moved'],
    ['is the first that was ever heard', { ...settled, hostKey: null }, hostA.publicKey, 'moved'],
  ])('is not talked to where it %s', (_, state, hostKey, role) => {
    expect(ask(state, hostKey, role)).toHaveProperty('refused');
  });
});
