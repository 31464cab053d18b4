// Proposes a host's configuration by what its machine is: the uplink, the address at which others reach it, what it can give. Pure.
import { invalidInput, parseInput } from '../model/parse.js';
import { VmshadowError } from '../errors.js';
import { cidrBounds, Ipv4, ipv4ToNumber, numberToIpv4 } from '../model/address.js';
import { Dom0Config } from '../model/dom0.js';
import { bareAddress, type HostFacts, type NetworkDevice } from './facts.js';

export interface HostWishes {
  readonly site: string;
  readonly host: string;
  readonly uplink?: string | undefined;
  readonly address?: string | undefined;
  /** Addresses for desktops. */
  readonly external: readonly string[];
  readonly slots?: number | undefined;
  readonly stateDir: string;
  readonly runDir: string;
  readonly imageDir: string;
  readonly pkiDir: string;
}

const PEER_PORT = 7947;
const PROBE_PORT = 7948;
/** Kept for the machine itself: a tenth of its memory, and not less than this. */
const OWN_MEMORY_MIB = 1_024;
/** Desktops mostly wait for their users: as operators of such pools count. */
const VCPUS_A_CORE = 2;

/** The configuration; throws PREREQUISITE where the machine leaves open what only a person knows. */
export function proposeHost(facts: HostFacts, wishes: HostWishes): Dom0Config {
  const uplink = chooseUplink(facts, wishes.uplink);
  const address = wishes.address ?? chooseAddress(uplink, wishes.external);
  const { disk, memory } = facts.resources;
  const own = Math.max(OWN_MEMORY_MIB, Math.ceil(memory.totalMiB / 10));
  return parseInput(
    Dom0Config,
    {
      site: wishes.site,
      host: wishes.host,
      peer: { address, port: PEER_PORT },
      probe: { address, port: PROBE_PORT },
      uplink: uplink.name,
      externalPool: [...wishes.external],
      capacity: {
        slots: wishes.slots ?? wishes.external.length,
        vcpus: facts.cores * VCPUS_A_CORE,
        memoryMiB: Math.max(memory.totalMiB - own, Math.floor(memory.totalMiB / 2)),
        // Desktops that are here count against it, so what they take does too.
        diskMiB: Math.floor((disk.freeMiB + facts.desktopDisksMiB) * 0.9),
      },
      stateDir: wishes.stateDir,
      runDir: wishes.runDir,
      imageDir: wishes.imageDir,
      pkiDir: wishes.pkiDir,
      identityFile: `${wishes.pkiDir}/identity.json`,
    },
    "the host's configuration",
  );
}

const described = (devices: readonly NetworkDevice[]) =>
  devices.map((d) => `${d.name} (${d.addresses.join(' ') || 'no address'})`).join(', ') || 'none';

/** Where the default route leads; without one, the only device that it can be. */
function chooseUplink({ devices, defaultRoutes }: HostFacts, wish: string | undefined): NetworkDevice {
  const named = (name: string) => devices.find((d) => d.name === name);
  if (wish !== undefined) {
    const found = named(wish);
    if (found !== undefined) return found;
    throw new VmshadowError(
      'PREREQUISITE',
      `there is no network device ${wish}; there are: ${described(devices)}`,
    );
  }
  const found = defaultRoutes.map((r) => named(r.device)).find((d) => d !== undefined);
  if (found !== undefined) return found;
  const able = devices.filter((d) => d.name !== 'lo' && d.up && d.addresses.length > 0);
  const [only, ...more] = able;
  if (only !== undefined && more.length === 0) return only;
  throw new VmshadowError(
    'PREREQUISITE',
    `there is no default route that tells which network device leads to the users and the other sites: name it with --uplink (there are: ${described(able)})`,
  );
}

function chooseAddress(uplink: NetworkDevice, external: readonly string[]): string {
  const own = uplink.addresses
    .map(bareAddress)
    .filter((address) => !external.includes(address) && !address.startsWith('169.254.'));
  const [address] = own;
  if (address !== undefined) return address;
  throw new VmshadowError(
    'PREREQUISITE',
    `the uplink ${uplink.name} has no IPv4 address of its own: give it one, or name with --address where the other hosts reach this one`,
  );
}

/** More would be a mistake. */
const MOST_ADDRESSES = 4_096;

/** Addresses as they are typed: one, `192.0.2.101-192.0.2.110`, `192.0.2.101-110`, or `192.0.2.128/28` (all of it). */
export function expandAddresses(texts: readonly string[]): string[] {
  const problems: string[] = [];
  const found = texts.flatMap((text) => {
    const bounds = boundsOf(text);
    if (bounds === null)
      problems.push(
        `${JSON.stringify(text)}: expected an IPv4 address, FIRST-LAST or a range such as 192.0.2.128/28`,
      );
    else if (bounds.last < bounds.first) problems.push(`${text}: its end is before its beginning`);
    else if (bounds.last - bounds.first >= MOST_ADDRESSES)
      problems.push(`${text}: more than ${String(MOST_ADDRESSES)} addresses`);
    else
      return Array.from({ length: bounds.last - bounds.first + 1 }, (_, i) => numberToIpv4(bounds.first + i));
    return [];
  });
  if (problems.length > 0) throw invalidInput('--external', problems);
  return [...new Set(found)];
}

const isIpv4 = (text: string) => Ipv4.safeParse(text).success;

function boundsOf(text: string): { first: number; last: number } | null {
  const [from = '', to] = text.split('-');
  if (to !== undefined) {
    const end = /^\d{1,3}$/.test(to) ? from.replace(/\d+$/, to) : to;
    return isIpv4(from) && isIpv4(end) ? { first: ipv4ToNumber(from), last: ipv4ToNumber(end) } : null;
  }
  if (isIpv4(text)) return { first: ipv4ToNumber(text), last: ipv4ToNumber(text) };
  const [address = '', length = ''] = text.split('/');
  return isIpv4(address) && /^([1-2]?\d|3[0-2])$/.test(length) ? cidrBounds(text) : null;
}
