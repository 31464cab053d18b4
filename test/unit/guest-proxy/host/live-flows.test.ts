import { type LiveFlow, LiveFlows } from '../../../../guest-proxy/host/live-flows.js';
import { flowKey, newProgress, type RelayedFlow } from '../../../../guest-proxy/relay/flow.js';

const flow = (port: number): RelayedFlow => ({
  protocol: 'tcp',
  port: 5901,
  peer: { address: '203.0.113.1', port },
});
const live = (port: number): LiveFlow => ({ flow: flow(port), progress: newProgress(0), direct: null });

it('knows whether any flow on the relay differs in the peer’s port alone, however it has changed', () => {
  const flows = new LiveFlows([live(1), live(2)]);
  flows.set(flowKey(flow(2)), live(2));
  expect(flows.hasAlike(flow(9))).toBe(true);
  expect(flows.hasAlike({ ...flow(9), port: 5902 })).toBe(false);
  expect(flows.hasAlike({ ...flow(9), protocol: 'udp' })).toBe(false);
  flows.letGo([flows.get(flowKey(flow(1)))!], 'client', 10);
  flows.letGo([flows.get(flowKey(flow(1)))!], 'client', 20);
  expect(flows.hasAlike(flow(9))).toBe(true);
  flows.delete(flowKey(flow(1)));
  flows.delete(flowKey(flow(7)));
  expect(flows.hasAlike(flow(9))).toBe(true);
  flows.delete(flowKey(flow(2)));
  expect(flows.hasAlike(flow(9))).toBe(false);
});
