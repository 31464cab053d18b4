// The sampler in a namespace, beside a guest that sends. Needs root and nft.
import { GUEST_ADDRESS, RigNetwork, TAP } from '../../../bench/fingerprint/network.js';
import { DesktopTraffic } from '../../../drivers/traffic/desktop-traffic.js';
import { TrafficSampler } from '../../../drivers/traffic/sampler.js';
import { fakeDesktop } from '../../../lab/fakes/fake-host.js';
import { execIn, inNamespace } from '../../../lab/net/commands.js';
import { runCommand } from '../../../os/run-command.js';
import { describeTraffic, type TrafficWorld } from '../../compliance/traffic.js';

async function make(): Promise<TrafficWorld> {
  // What the claims take for the guest's address is the rig's.
  expect(fakeDesktop('d1').network.address).toBe(GUEST_ADDRESS);
  const net = await RigNetwork.create('vstc', 1);
  const problems: unknown[] = [];
  const sampler = new TrafficSampler({
    run: (argv, options) => runCommand(inNamespace(net.dom0, argv), options),
    capturePrefix: inNamespace(net.dom0, []),
    onProblem: (problem) => problems.push(problem),
  });
  const traffic = new DesktopTraffic({
    sampler,
    // Nothing between reports: what is reported comes from their own listing.
    hypervisor: { list: async () => [] },
    owns: async (desktop) => desktop !== 'foreign',
    tapOf: (desktop) => (desktop === 'd1' ? TAP : `tap-${desktop}`),
    onProblem: (problem) => problems.push(problem),
  });
  await sampler.start();
  return {
    traffic,
    send: async (packets) => {
      const code = `exec 3<>/dev/udp/192.0.2.77/9; for i in $(seq ${String(packets)}); do printf 0123456789 >&3; done`;
      await execIn(net.guest, ['bash', '-c', code]);
    },
    remove: async () => {
      await traffic.stop();
      await net.destroy();
      expect(problems).toEqual([]);
    },
  };
}

describeTraffic('the sampler', make);
