import { FakeTraffic } from '../../../lab/fakes/fake-traffic.js';
import { describeTraffic, type TrafficWorld } from '../../compliance/traffic.js';

async function make(): Promise<TrafficWorld> {
  const traffic = new FakeTraffic({ owns: async (desktop) => desktop !== 'foreign' });
  return {
    traffic,
    send: async (packetsOut) =>
      traffic.carry('d1', {
        protocol: 'udp',
        desktopPort: 40_000,
        peerAddress: '192.0.2.77',
        peerPort: 9,
        bytesIn: 0,
        packetsIn: 0,
        bytesOut: packetsOut * 38,
        packetsOut,
      }),
    remove: async () => undefined,
  };
}

describeTraffic('the fake traffic', make);
