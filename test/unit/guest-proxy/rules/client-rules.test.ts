// The algebra of the client's rules: whatever the desktop does, both ends go on believing what they believed when the socket was opened.
import fc from 'fast-check';
import {
  type ClientRules,
  clientRules,
  type DesktopAddresses,
  flowsToFollow,
  withoutClosed,
} from '../../../../guest-proxy/rules/client-rules.js';
import { type ProxiedFlow, flowKey } from '../../../../guest-proxy/rules/flow.js';

const ADDRESSES = ['198.51.100.10', '192.0.2.10', '203.0.113.10'];
const CONTROL_PORT = 7946;
const flowTo = (address: string, localPort: number): ProxiedFlow => ({
  protocol: 'tcp',
  local: { address: '10.0.0.2', port: localPort },
  remote: { address, port: 5901 },
});

/** Where the kernel plane sends a packet of a socket. */
const wireOf = (rules: ClientRules, flow: ProxiedFlow): string =>
  rules.outgoing.find((r) => flowKey(r.flow) === flowKey(flow))?.wire ?? flow.remote.address;

/** As whose the kernel plane delivers a packet that comes from `wire` with the ports of `flow`. */
const seenAs = (rules: ClientRules, flow: ProxiedFlow, wire: string): string =>
  rules.incoming.find((r) => r.wire === wire && r.flow.local.port === flow.local.port)?.flow.remote.address ??
  wire;

interface World {
  addresses: DesktopAddresses;
  tracked: ProxiedFlow[];
  sockets: ProxiedFlow[];
}
type Step = { do: 'move'; to: number } | { do: 'open' } | { do: 'close'; which: number } | { do: 'settle' };

function step(world: World, action: Step, nextPort: number): World {
  const { addresses, tracked, sockets } = world;
  switch (action.do) {
    case 'open':
      return { ...world, sockets: [...sockets, flowTo(addresses.current, nextPort)] };
    case 'close': {
      const open = sockets.filter((_, i) => i !== action.which % Math.max(1, sockets.length));
      return { ...world, sockets: open, tracked: withoutClosed(tracked, open) };
    }
    case 'settle':
      return { ...world, addresses: { ...addresses, previous: null } };
    case 'move': {
      const to = ADDRESSES[action.to % ADDRESSES.length]!;
      if (to === addresses.current) return world;
      const flows = flowsToFollow(tracked, sockets, [addresses.current], CONTROL_PORT);
      const previous = { address: addresses.current, flows };
      return { sockets, tracked: flows, addresses: { current: to, pending: null, previous } };
    }
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('move' as const), to: fc.nat(2) }),
    fc.constant({ do: 'open' as const }),
    fc.record({ do: fc.constant('close' as const), which: fc.nat(10) }),
    fc.constant({ do: 'settle' as const }),
  ),
  { maxLength: 40 },
);

const start: World = {
  addresses: { current: ADDRESSES[0]!, pending: null, previous: null },
  tracked: [],
  sockets: [],
};

describe('after any sequence of moves, and sockets opened and closed in between', () => {
  const inAnyWorld = (check: (world: World, rules: ClientRules) => void) =>
    fc.assert(
      fc.property(steps, (actions) => {
        let world = start;
        actions.forEach((action, i) => {
          world = step(world, action, 40_000 + i);
          check(world, clientRules(world.tracked, world.addresses));
        });
      }),
      { numRuns: 500 },
    );

  it('every open socket reaches the desktop where it is', () =>
    inAnyWorld(({ sockets, addresses }, rules) => {
      for (const socket of sockets) expect(wireOf(rules, socket)).toBe(addresses.current);
    }));

  it('what the desktop sends reaches every socket as from the address that the socket knows', () =>
    inAnyWorld(({ sockets, addresses }, rules) => {
      for (const socket of sockets)
        expect(seenAs(rules, socket, addresses.current)).toBe(socket.remote.address);
    }));

  it('a chain of moves is one rule a direction, and a way back to the first address none', () =>
    inAnyWorld(({ tracked, addresses }) => {
      const rules = clientRules(tracked, { ...addresses, previous: null });
      for (const flow of tracked) {
        const expected = flow.remote.address === addresses.current ? 0 : 1;
        expect(rules.outgoing.filter((r) => r.flow === flow)).toHaveLength(expected);
        expect(rules.incoming.filter((r) => r.flow === flow)).toHaveLength(expected);
      }
    }));

  it('no rule belongs to a closed socket, or to one opened since the last move', () =>
    inAnyWorld(({ sockets, tracked }, rules) => {
      const open = new Set(sockets.map(flowKey));
      const known = new Set(tracked.map(flowKey));
      for (const { flow } of [...rules.outgoing, ...rules.incoming, ...rules.closing]) {
        expect(open.has(flowKey(flow))).toBe(true);
        expect(known.has(flowKey(flow))).toBe(true);
      }
    }));
});

it('expects packets from the announced address, and sends none there yet', () => {
  const flow = flowTo(ADDRESSES[0]!, 40_000);
  const rules = clientRules([flow], { current: ADDRESSES[0]!, pending: ADDRESSES[1]!, previous: null });
  expect(rules).toEqual({
    ...{ outgoing: [], closing: [], expected: [], left: [] },
    incoming: [{ flow, wire: ADDRESSES[1] }],
  });
});

it('lets nothing be opened to where the desktop was but by a rule that leads to where it is', () => {
  const [old, current] = [ADDRESSES[0]!, ADDRESSES[1]!];
  const addresses = { current, pending: null, previous: null, left: [old, current] };
  expect(clientRules([], addresses)).toMatchObject({ outgoing: [], left: [old] });
  const opened = flowsToFollow(
    [],
    [flowTo(old, 40_000), flowTo('203.0.113.9', 40_000)],
    [current, old],
    7946,
  );
  expect(clientRules(opened, addresses)).toMatchObject({
    outgoing: [{ flow: flowTo(old, 40_000), wire: current }],
    left: [old],
  });
});

it('does not follow the control channel, nor sockets to other addresses', () => {
  const control: ProxiedFlow = { ...flowTo(ADDRESSES[0]!, 40_000), protocol: 'udp' };
  const channel = { ...control, remote: { ...control.remote, port: CONTROL_PORT } };
  const other = flowTo(ADDRESSES[1]!, 40_001);
  expect(flowsToFollow([], [channel, control, other], [ADDRESSES[0]!], CONTROL_PORT)).toEqual([control]);
});

it('gives a 4-tuple on the wire to one of two sockets with the same port: to the one followed longer', () => {
  const first = flowTo(ADDRESSES[0]!, 40_000);
  const second = flowTo(ADDRESSES[1]!, 40_000);
  const rules = clientRules([first, second], { current: ADDRESSES[2]!, pending: null, previous: null });
  expect(rules.incoming).toEqual([{ flow: first, wire: ADDRESSES[2] }]);
});
