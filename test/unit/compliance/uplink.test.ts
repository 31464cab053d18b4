import { fakeLinkCap, type FakeCap } from '../../../lab/fakes/fake-link-cap.js';
import { describeUplink, type UplinkWorld } from '../../compliance/uplink.js';

async function make(): Promise<UplinkWorld> {
  const caps = new Map<string, FakeCap>();
  const linkCap = fakeLinkCap(caps);
  return {
    linkCap,
    peers: ['10.202.0.2', '10.202.0.3'],
    rateOf: async (peer, port) =>
      [...caps.values()].find((cap) => cap.peer === peer && cap.ports.has(port))?.mbps ?? null,
    count: async () => caps.size,
    kept: async () => [...caps.keys()],
    restart: async () => void Object.assign(linkCap, fakeLinkCap(caps)),
    remove: async () => undefined,
  };
}

describeUplink('the fake uplink', make);
