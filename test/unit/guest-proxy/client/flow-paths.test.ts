// Flows whose paths are proved one by one, over any sequence of moves: what an end sends by the path that it has reaches the other end.
import fc from 'fast-check';
import {
  addressesOf,
  type ClientState,
  committedFlows,
  onCommit,
  onDirect,
} from '../../../../guest-proxy/client/client-state.js';
import { clientRules, flowsToFollow } from '../../../../guest-proxy/rules/client-rules.js';
import { flowKey, type ProxiedFlow } from '../../../../guest-proxy/rules/flow.js';
import { hostA } from '../support.js';

const ADDRESSES = ['198.51.100.10', '192.0.2.10', '203.0.113.10'];
const CONTROL_PORT = 7946;
const flowTo = (address: string, port: number): ProxiedFlow => ({
  protocol: 'tcp',
  local: { address: '10.0.0.2', port },
  remote: { address, port: 5901 },
});
const start: ClientState = {
  version: 1,
  issuedAtMs: 0,
  vouched: [],
  desktop: 'desk-1',
  epoch: 1,
  hostKey: hostA.publicKey,
  current: ADDRESSES[0]!,
  left: [],
  previous: null,
  pending: null,
  flows: [],
  stampBase: 0,
};

interface World {
  state: ClientState;
  sockets: ProxiedFlow[];
}
/** `proved` is a bit for each flow's local port. */
type Step = { do: 'open' } | { do: 'move'; to: number; proved: number } | { do: 'prove'; proved: number };

const isProved = (bits: number) => (flow: ProxiedFlow) => ((bits >> (flow.local.port % 8)) & 1) === 1;

function step({ state, sockets }: World, action: Step, port: number): World {
  if (action.do === 'open') return { state, sockets: [...sockets, flowTo(state.current, port)] };
  if (action.do === 'prove') return { sockets, state: onDirect(state, isProved(action.proved), 1_000) };
  const newExternal = ADDRESSES[action.to % ADDRESSES.length]!;
  if (newExternal === state.current) return { state, sockets };
  const pending = { epoch: state.epoch + 1, newExternal, targetKey: hostA.publicKey };
  const prepared = { ...state, pending: { ...pending, expiresAtMs: 9_999, lapsed: false, relays: true } };
  const followed = flowsToFollow(state.flows, sockets, [state.current], CONTROL_PORT);
  const flows = committedFlows(followed, prepared, isProved(action.proved));
  const commit = { desktop: 'desk-1', epoch: pending.epoch };
  const decision = onCommit(
    prepared,
    commit,
    { hostKey: hostA.publicKey, address: newExternal },
    flows,
    1_000,
  );
  if ('refused' in decision) throw new Error(decision.refused);
  return { sockets, state: decision.state };
}

const bits = fc.integer({ min: 0, max: 255 });
const steps = fc.array(
  fc.oneof(
    fc.constant({ do: 'open' as const }),
    fc.record({ do: fc.constant('move' as const), to: fc.nat(2), proved: bits }),
    fc.record({ do: fc.constant('prove' as const), proved: bits }),
  ),
  { maxLength: 40 },
);

const inAnyWorld = (check: (world: World, before: World, action: Step) => void) =>
  fc.assert(
    fc.property(steps, (actions) => {
      let world: World = { state: start, sockets: [] };
      actions.forEach((action, i) => {
        const before = world;
        world = step(world, action, 40_000 + i);
        check(world, before, action);
      });
    }),
    { numRuns: 500 },
  );

const rulesOf = ({ state }: World) => clientRules(state.flows, addressesOf(state));

it('what comes by a flow’s own path, or by the one that is not proved yet, reaches its socket as from the address that it knows', () =>
  inAnyWorld((world) => {
    const { incoming } = rulesOf(world);
    for (const flow of world.state.flows)
      for (const wire of [flow.via ?? world.state.current, world.state.current]) {
        const rule = incoming.find((r) => r.wire === wire && r.flow.local.port === flow.local.port);
        expect(rule?.flow.remote.address ?? wire).toBe(flow.remote.address);
      }
  }));

it('a flow leaves by the path that it has, and that one is never closed', () =>
  inAnyWorld((world) => {
    const { outgoing, closing } = rulesOf(world);
    for (const flow of world.state.flows) {
      const via = flow.via ?? world.state.current;
      const rule = outgoing.find((r) => flowKey(r.flow) === flowKey(flow));
      expect(rule?.wire ?? flow.remote.address).toBe(via);
      expect(closing.some((r) => flowKey(r.flow) === flowKey(flow) && r.wire === via)).toBe(false);
    }
  }));

it('a flow changes its path only to the present address, and only when that is proved', () =>
  inAnyWorld((world, before, action) => {
    for (const flow of world.state.flows) {
      const had = before.state.flows.find((f) => flowKey(f) === flowKey(flow));
      const [now, then] = [flow.via ?? world.state.current, had?.via ?? before.state.current];
      if (now === then || had === undefined) continue;
      expect(now).toBe(world.state.current);
      expect(action.do !== 'open' && isProved(action.proved)(flow)).toBe(true);
    }
  }));

it('a host that proves no paths has all flows at its address at once, as before', () => {
  const flow = flowTo(ADDRESSES[0]!, 40_000);
  expect(committedFlows([flow], start, null)).toEqual([flow]);
});

it('no new socket gets the 4-tuple by which packets of a flow on the relay may come', () => {
  const flow = { ...flowTo(ADDRESSES[0]!, 40_000), via: ADDRESSES[0]! };
  const rules = clientRules([flow], { current: ADDRESSES[1]!, pending: null, previous: null });
  expect(rules).toMatchObject({ outgoing: [], expected: [{ wire: ADDRESSES[1] }] });
});
