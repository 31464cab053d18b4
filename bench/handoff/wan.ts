// Half the round trip on each way over the router of the lab of the connections' tests: between client and hosts, and between the hosts.
import { startDelayDaemon } from '../../lab/net/delay-daemon.js';
import { type Lab, ROUTER } from '../../test/system/guest-proxy/support/lab.js';

const QUEUE = 1;

/** Delay all that the router forwards from now on. */
export async function delayAll(lab: Lab, rttMs: number): Promise<void> {
  const link = { from: 'any', to: 'other', delayMs: rttMs / 2, rateMbps: null };
  const pair = { from: 'any', to: 'other', number: QUEUE, fromDevices: [], toDevices: [] };
  await startDelayDaemon(ROUTER, lab.folder, [pair], { links: [link] });
  await lab.exec(ROUTER, 'iptables', '-A', 'FORWARD', '-j', 'NFQUEUE', '--queue-num', String(QUEUE));
}
