import { clientRules } from '../../../../guest-proxy/rules/client-rules.js';
import { clientTable, renderClientRules } from '../../../../guest-proxy/rules/client-nft.js';
import { type HostRules, renderHeld, renderHostRules } from '../../../../guest-proxy/rules/host-rules.js';
import type { ProxiedFlow } from '../../../../guest-proxy/rules/flow.js';

const flow: ProxiedFlow = {
  protocol: 'tcp',
  local: { address: '10.0.0.2', port: 40_000 },
  remote: { address: '198.51.100.10', port: 5901 },
};
const host: HostRules = {
  uplink: 'eth0',
  controlPort: 7946,
  guests: [{ tap: 'vs-desk', mac: '52:54:00:77:00:02', address: '10.77.0.2', gateway: '10.77.0.1' }],
  owned: ['198.51.100.11', '198.51.100.10'],
  internals: ['10.77.0.2'],
  active: [{ external: '198.51.100.10', internal: '10.77.0.2' }],
  moved: [{ from: '198.51.100.11', to: '192.0.2.10' }],
  held: ['198.51.100.10'],
  guarded: [],
  relays: {
    addresses: ['198.51.100.12'],
    inward: ['198.51.100.12 . tcp . 40000 . 203.0.113.80 . 443'],
    outward: ['10.77.0.2 . udp . 40001 . 203.0.113.81 . 443'],
  },
};

it('renders the rules of a moved flow', () => {
  const addresses = {
    current: '192.0.2.10',
    pending: null,
    previous: { address: '198.51.100.10', flows: [flow] },
  };
  expect(renderClientRules('desk-1', clientRules([flow], addresses))).toMatchSnapshot();
});

it('renders a table without elements when there is nothing to rewrite', () => {
  const rules = clientRules([flow], { current: '198.51.100.10', pending: null, previous: null });
  expect(renderClientRules('desk-1', rules)).not.toContain('elements');
});

it('renders the same text whatever the order of the flows', () => {
  const other = { ...flow, local: { ...flow.local, port: 40_001 } };
  const addresses = { current: '192.0.2.10', pending: '203.0.113.10', previous: null };
  expect(renderClientRules('d', clientRules([flow, other], addresses))).toBe(
    renderClientRules('d', clientRules([other, flow], addresses)),
  );
});

it('gives each desktop a table of its own', () => {
  expect(clientTable('desk-1')).toBe('vmshadow_client_desk_1');
});

it('renders a host with an active desktop, one that has left, and one whose packets are held', () => {
  expect(renderHostRules(host)).toMatchSnapshot();
});

it('never removes a chain of the host: the kernel would drop the packets in the queue', () => {
  expect(renderHostRules(host)).not.toMatch(/delete (table|chain)/);
});

it('renders the begin and the end of holding as one element', () => {
  expect(renderHeld('198.51.100.10', true)).toBe('add element ip vmshadow_host held { 198.51.100.10 }\n');
  expect(renderHeld('198.51.100.10', false)).toContain(
    'delete element ip vmshadow_host held { 198.51.100.10 }',
  );
});
