// The world of the tests: client - NAT - router - hosts A and B, and a desktop whose cable is plugged into one host or the other.
//   client 10.0.0.2 -- NAT 203.0.113.1 (masquerade) -- router -- host A 198.51.100.2 (pool .10 to .15), host B 192.0.2.2 (pool .10 to .15)
//   desktop 10.77.0.2/30 -- plug (bridge) -- a veth named as the desktop's tap in A and in B
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { createAuthority, issueHost, signKey } from '../../../../drivers/peers/pki.js';
import { tapName } from '../../../../guest-proxy/host/tap.js';
import { createIdentity } from '../../../../guest-proxy/protocol/identity.js';
import { runCommand } from '../../../../os/run-command.js';
import { Helper } from '../../../support/rpc.js';

const ROLES = ['c', 'n', 'r', 'a', 'b', 'p', 'd'] as const;
/** Named after this process, so that test files can run side by side. */
const PREFIX = `gp${String(process.pid)}-`;
const NAMESPACES = ROLES.map((role) => PREFIX + role);
export const CLIENT = `${PREFIX}c`;
const NAT = `${PREFIX}n`;
export const ROUTER = `${PREFIX}r`;
const PLUG = `${PREFIX}p`;
export const DESKTOP = `${PREFIX}d`;
const SITE = 'lab';
export const CONTROL_PORT = 7946;
export const PROBE_PORT = 7947;
export const DESKTOP_PORT = 5901;
export const RELAY_PORT = 7949;

export const definition = DesktopDefinition.parse({
  id: 'desk',
  memoryMiB: 128,
  diskMiB: 128,
  network: { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:00:77:00:02' },
  remoteDesktopPort: DESKTOP_PORT,
});

export const HOSTS = {
  a: {
    namespace: `${PREFIX}a`,
    address: '198.51.100.2',
    pool: [10, 11, 12, 13, 14, 15].map((n) => `198.51.100.${String(n)}`),
    port: 'pa',
  },
  b: {
    namespace: `${PREFIX}b`,
    address: '192.0.2.2',
    pool: [10, 11, 12, 13, 14, 15].map((n) => `192.0.2.${String(n)}`),
    port: 'pb',
  },
} as const;
export type HostName = keyof typeof HOSTS;

interface Nat {
  readonly masquerade?: string;
  /** Rules of the chain that forwards; packets from outside that no connection expects are dropped in each. */
  readonly forward?: string;
  /** What it does with packets for itself that it does not expect: Linux's default is to answer them, with RST. */
  readonly dropsUnexpected?: boolean;
  /** net.netfilter.nf_conntrack_*, which count from the first packet on. */
  readonly settings?: Readonly<Record<string, number>>;
}

const NEEDS_SYN = 'ct state new tcp flags & (syn | ack) != syn drop';
const INVALID = 'ct state invalid drop';
/** The NATs of the measurements in docs/nat.md. */
export const NATS = {
  'answer-rst': {},
  drop: { dropsUnexpected: true },
  'random-fully': { masquerade: 'fully-random' },
  'drop-invalid': { forward: INVALID, dropsUnexpected: true },
  'needs-syn': { forward: NEEDS_SYN, dropsUnexpected: true },
  'loose-0': { settings: { tcp_loose: 0 } },
  'loose-0-liberal': { settings: { tcp_loose: 0, tcp_be_liberal: 1 } },
  'loose-0-invalid-random': {
    masquerade: 'fully-random',
    forward: INVALID,
    dropsUnexpected: true,
    settings: { tcp_loose: 0 },
  },
  liberal: { settings: { tcp_be_liberal: 1 } },
} as const satisfies Record<string, Nat>;
export type NatKind = keyof typeof NATS;

export class Lab {
  readonly folder: string;
  /** Of hosts that are started from now on. */
  relayLimitMs = 3_600_000;
  /** False: the desktop has no cable; a guest takes the taps that the hosts make. */
  cables = true;
  readonly #helpers: Helper[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(nat: NatKind): Promise<Lab> {
    await removeNamespaces();
    const lab = new Lab(await mkdtemp(join(tmpdir(), 'guest-proxy-')));
    try {
      await lab.#build(nat);
    } catch (error) {
      await lab.dispose();
      throw error;
    }
    return lab;
  }

  async #build(nat: NatKind): Promise<void> {
    for (const n of NAMESPACES) {
      await runCommand(['ip', 'netns', 'add', n]);
      await this.ip('-n', n, 'link', 'set', 'lo', 'up');
    }
    await this.#link(CLIENT, 'c0', '10.0.0.2/24', NAT, 'nin', '10.0.0.1/24');
    await this.#link(NAT, 'nout', '203.0.113.1/24', ROUTER, 'rn', '203.0.113.254/24');
    await this.#link(HOSTS.a.namespace, 'wan0', '198.51.100.2/24', ROUTER, 'ra', '198.51.100.1/24');
    await this.#link(HOSTS.b.namespace, 'wan0', '192.0.2.2/24', ROUTER, 'rb', '192.0.2.1/24');
    await this.ip('-n', CLIENT, 'route', 'add', 'default', 'via', '10.0.0.1');
    await this.ip('-n', NAT, 'route', 'add', 'default', 'via', '203.0.113.254');
    await this.ip('-n', HOSTS.a.namespace, 'route', 'add', 'default', 'via', '198.51.100.1');
    await this.ip('-n', HOSTS.b.namespace, 'route', 'add', 'default', 'via', '192.0.2.1');
    for (const n of [NAT, ROUTER]) await this.exec(n, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const { masquerade = '', forward = '', dropsUnexpected = false, settings = {} }: Nat = NATS[nat];
    await this.nft(
      NAT,
      `table ip nat { chain post { type nat hook postrouting priority 100; oifname "nout" masquerade ${masquerade}; }
      }
      table ip filter {
        chain input { type filter hook input priority 0; ${dropsUnexpected ? 'iifname "nout" ct state new,invalid drop' : ''}
        }
        chain forward { type filter hook forward priority 0; iifname "nout" ct state new,invalid drop
          ${forward}
        }
      }`,
    );
    for (const [name, value] of Object.entries(settings))
      await this.exec(NAT, 'sysctl', '-qw', `net.netfilter.nf_conntrack_${name}=${String(value)}`);
    await this.nft(
      ROUTER,
      `table ip watch { counter leaked { }
        chain forward { type filter hook forward priority 0; ip saddr 10.0.0.0/8 counter name leaked drop
        }
      }`,
    );
    await this.ip('-n', PLUG, 'link', 'add', 'br0', 'type', 'bridge');
    await this.ip('-n', PLUG, 'link', 'set', 'br0', 'up');
    await this.ip('-n', PLUG, 'link', 'add', 'pd', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', DESKTOP);
    await this.ip('-n', PLUG, 'link', 'set', 'pd', 'master', 'br0', 'up');
    await this.ip('-n', DESKTOP, 'link', 'set', 'eth0', 'address', definition.network.mac);
    await this.ip('-n', DESKTOP, 'addr', 'add', '10.77.0.2/30', 'dev', 'eth0');
    await this.ip('-n', DESKTOP, 'link', 'set', 'eth0', 'up');
    await this.ip('-n', DESKTOP, 'route', 'add', 'default', 'via', '10.77.0.1');
  }

  /** Lay the desktop's cable to a host: a device with the name of its tap. */
  async cable(host: HostName): Promise<void> {
    if (!this.cables) return;
    const { namespace, port } = HOSTS[host];
    const tap = tapName(definition.id);
    await this.ip('-n', PLUG, 'link', 'add', port, 'type', 'veth', 'peer', 'name', tap, 'netns', namespace);
    await this.ip('-n', PLUG, 'link', 'set', port, 'up');
  }

  async plug(host: HostName): Promise<void> {
    if (this.cables) await this.ip('-n', PLUG, 'link', 'set', HOSTS[host].port, 'master', 'br0');
  }

  async unplug(host: HostName): Promise<void> {
    await this.ip('-n', PLUG, 'link', 'set', HOSTS[host].port, 'nomaster');
  }

  /** Start a host's proxy; its identity and state lie in the lab's folder and outlive the process. */
  async startHost(host: HostName, poolSize: number, identity: string = host): Promise<Helper> {
    const { namespace, address, pool } = HOSTS[host];
    const identityFile = join(this.folder, `${identity}.identity`);
    await createIdentity(identityFile).catch(() => undefined);
    return this.start(namespace, 'host-process.ts', {
      stateDir: join(this.folder, host),
      uplink: 'wan0',
      externalPool: pool.slice(0, poolSize),
      controlPort: CONTROL_PORT,
      probe: { address, port: PROBE_PORT },
      identityFile,
      relayPort: RELAY_PORT,
      relayLimitMs: this.relayLimitMs,
      pkiDir: join(this.#authorityDir, 'hosts', SITE, host),
    });
  }

  /** Have an authority sign for the hosts, and say that a client is revoked. */
  async revoke(client: string): Promise<void> {
    await createAuthority(this.#authorityDir);
    for (const host of ['a', 'b'] as const)
      await issueHost(this.#authorityDir, { site: SITE, host, addresses: [HOSTS[host].address] });
    await signKey(this.#authorityDir, { kind: 'client', key: client, revoked: true });
  }

  /** What hosts know of keys; there is nothing until somebody is revoked. */
  get #authorityDir(): string {
    return join(this.folder, 'keys');
  }

  async start(namespace: string, script: string, options: unknown): Promise<Helper> {
    const helper = Helper.spawn(namespace, new URL(script, import.meta.url));
    this.#helpers.push(helper);
    await helper.ready(options);
    return helper;
  }

  async exec(namespace: string, ...argv: [string, ...string[]]): Promise<string> {
    return runCommand(['ip', 'netns', 'exec', namespace, ...argv]);
  }

  async ip(...args: string[]): Promise<string> {
    return runCommand(['ip', ...args]);
  }

  async nft(namespace: string, text: string): Promise<void> {
    await runCommand(['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], { input: text });
  }

  /** The rules of the client's proxy as they stand in the kernel. */
  async clientRules(): Promise<string> {
    return this.exec(CLIENT, 'nft', 'list', 'ruleset');
  }

  /** Packets with an inner address that reached the router: there must be none. */
  async leaked(): Promise<number> {
    const text = await this.exec(ROUTER, 'nft', 'list', 'counter', 'ip', 'watch', 'leaked');
    return Number(/packets (\d+)/.exec(text)?.[1]);
  }

  async #link(n1: string, i1: string, a1: string, n2: string, i2: string, a2: string): Promise<void> {
    await this.ip('link', 'add', i1, 'netns', n1, 'type', 'veth', 'peer', 'name', i2, 'netns', n2);
    for (const [n, i, a] of [
      [n1, i1, a1],
      [n2, i2, a2],
    ] as const) {
      await this.ip('-n', n, 'addr', 'add', a, 'dev', i);
      await this.ip('-n', n, 'link', 'set', i, 'up');
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.kill()));
    await removeNamespaces();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Remove this process's namespaces, and those that a test process which was killed has left. */
async function removeNamespaces(): Promise<void> {
  const there = (await runCommand(['ip', 'netns', 'list']))
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  const ours = there.filter((name) => {
    const pid = /^gp(\d+)-[a-z]$/.exec(name)?.[1];
    return pid !== undefined && (Number(pid) === process.pid || !existsSync(`/proc/${pid}`));
  });
  for (const n of ours) {
    const pids = await runCommand(['ip', 'netns', 'pids', n]).catch(() => '');
    for (const pid of pids.split('\n').filter((line) => line !== '')) kill(Number(pid));
    await runCommand(['ip', 'netns', 'del', n]).catch(() => undefined);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
