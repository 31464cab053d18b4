// A desktop's tap and the host's own network settings. Gateway address and MAC are the same on every host, so the guest notices no move.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { VmshadowError } from '../../domain/errors.js';
import { isMissing } from '../../os/durable-file.js';
import { runCommand } from '../../os/run-command.js';

/** Locally administered; `vs` in it for those who look. */
export const GATEWAY_MAC = '02:76:73:00:00:01';
/** The desktop's address and its gateway: two hosts in a /30. */
const PREFIX = 30;
/** IFNAMSIZ is 16 with its zero. */
const MAX_NAME = 15;

/** Name the tap of a desktop: by its id where that fits, else by a hash of it. */
export function tapName(desktop: DesktopId): string {
  const plain = `vs-${desktop}`;
  if (plain.length <= MAX_NAME) return plain;
  return `vh-${createHash('sha256')
    .update(desktop)
    .digest('hex')
    .slice(0, MAX_NAME - 3)}`;
}

async function sysctl(name: string, value: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/net/${name}`, value);
  } catch (cause) {
    throw new VmshadowError('NETWORK', `cannot set net/${name} to ${value}: dom0 must run as root`, {
      cause,
    });
  }
}

/** Set what the host needs: it forwards, and does not tell clients of a way around when it sends packets on to another site. */
export async function prepareHost(uplink: string): Promise<void> {
  await sysctl('ipv4/ip_forward', '1');
  await sysctl('ipv4/conf/all/send_redirects', '0');
  await sysctl(`ipv4/conf/${uplink}/send_redirects`, '0');
}

/** Tell whether the host forwards packets. */
export async function forwards(): Promise<boolean> {
  return (await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() === '1';
}

/** Tell whether a network device exists. */
async function hasDevice(name: string): Promise<boolean> {
  const devices = await runCommand(['ip', '-o', 'link', 'show']);
  return devices.split('\n').some((line) => line.split(/[:@ ]+/)[1] === name);
}

/** Make the tap (unless it is there) and set its MAC and gateway address; give its name. */
export async function ensureTap(desktop: DesktopId, network: InternalNetwork): Promise<string> {
  const name = tapName(desktop);
  if (!(await hasDevice(name))) await runCommand(['ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap']);
  await runCommand(['ip', 'link', 'set', 'dev', name, 'address', GATEWAY_MAC]);
  await runCommand(['ip', 'addr', 'replace', `${network.gateway}/${String(PREFIX)}`, 'dev', name]);
  await runCommand(['ip', 'link', 'set', 'dev', name, 'up']);
  // Never asked for by ARP: a paused guest does not answer, and packets that wait for an answer are dropped after three seconds.
  const { address, mac } = network;
  await runCommand(['ip', 'neigh', 'replace', address, 'lladdr', mac, 'dev', name, 'nud', 'permanent']);
  await sysctl(`ipv4/conf/${name}/send_redirects`, '0');
  // Nothing of ours speaks IPv6 with a guest; a host that has it would answer on its link-local address.
  await writeFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1').catch(ignoreMissing);
  return name;
}

/** A kernel without IPv6 has nothing to switch off. */
function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

/** Remove the tap; fine when there is none. */
export async function removeTap(desktop: DesktopId): Promise<void> {
  const name = tapName(desktop);
  if (await hasDevice(name)) await runCommand(['ip', 'link', 'delete', 'dev', name]);
}

/** Take an external address on the uplink, so that the host answers ARP for it; fine when it has it. */
export async function addExternal(uplink: string, address: string): Promise<void> {
  await runCommand(['ip', 'addr', 'replace', `${address}/32`, 'dev', uplink]);
}

/** Give an external address up; fine when the host does not have it. */
export async function removeExternal(uplink: string, address: string): Promise<void> {
  const addresses = await runCommand(['ip', '-o', '-4', 'addr', 'show', 'dev', uplink]);
  if (addresses.includes(` ${address}/32 `))
    await runCommand(['ip', 'addr', 'delete', `${address}/32`, 'dev', uplink]);
}
