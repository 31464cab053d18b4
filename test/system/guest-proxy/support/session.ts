// A desktop in use: hosts, the client's proxy, a stream between client and desktop, and moves between the hosts.
import { join } from 'node:path';
import type { AddressChange } from '../../../../ports/desktop-network.js';
import type { ClientProxyStatus } from '../../../../guest-proxy/client/client-proxy.js';
import { makeClientConfig, type ClientConfig } from '../../../../guest-proxy/protocol/client-config.js';
import {
  CLIENT,
  CONTROL_PORT,
  DESKTOP,
  definition,
  DESKTOP_PORT,
  HOSTS,
  type HostName,
  Lab,
  type NatKind,
  PROBE_PORT,
} from './lab.js';
import type { Helper } from '../../../support/rpc.js';

export interface StreamReport {
  sent: number;
  received: number;
  wrong: number;
  maxGapMs: number;
  closed: string | null;
  localPort: number;
  remote: string | null;
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait until `check` gives true. */
export async function until(what: string, check: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${String(timeoutMs)} ms`);
    await sleep(50);
  }
}

export class DesktopSession {
  readonly lab: Lab;
  readonly hosts: Record<HostName, Helper>;
  readonly config: ClientConfig;
  at: HostName = 'a';
  external: string;
  epoch = 0;
  proxy: Helper;
  /** How long the last call of each method took in the host's process, ms. */
  readonly times: Record<string, number> = {};
  readonly #poolSize: number;
  readonly #streams: Stream[] = [];

  private constructor(
    lab: Lab,
    hosts: Record<HostName, Helper>,
    config: ClientConfig,
    proxy: Helper,
    poolSize: number,
  ) {
    this.#poolSize = poolSize;
    this.lab = lab;
    this.hosts = hosts;
    this.config = config;
    this.proxy = proxy;
    this.external = config.external;
  }

  /** Build the world, start the desktop at host A and the client's proxy, and wait for their session. */
  static async create(
    nat: NatKind = 'answer-rst',
    poolSize = 2,
    settings: Partial<Pick<Lab, 'relayLimitMs' | 'cables'>> = {},
  ): Promise<DesktopSession> {
    const lab = Object.assign(await Lab.create(nat), settings);
    try {
      const hosts = { a: await lab.startHost('a', poolSize), b: await lab.startHost('b', poolSize) };
      const keys = { a: await hosts.a.call<string>('publicKey'), b: await hosts.b.call<string>('publicKey') };
      await lab.cable('a');
      await call(hosts.a, 'attach', definition);
      const external = await call<string>(hosts.a, 'allocateExternal', definition.id);
      const config = makeClientConfig({
        desktop: definition.id,
        external,
        controlPort: CONTROL_PORT,
        hosts: [keys.a, keys.b],
        probes: [
          { site: 'west', endpoint: { address: HOSTS.a.address, port: PROBE_PORT } },
          { site: 'east', endpoint: { address: HOSTS.b.address, port: PROBE_PORT } },
        ],
      });
      await call(hosts.a, 'enroll', definition.id, [config.identity.publicKey]);
      await call(hosts.a, 'activate', definition);
      await lab.plug('a');
      const session = new DesktopSession(lab, hosts, config, await startProxy(lab, config), poolSize);
      await session.untilConnected();
      return session;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  async call<T>(host: HostName, method: string, ...args: unknown[]): Promise<T> {
    const answer = await this.hosts[host].call<{ result: T; ms: number }>('call', method, args);
    this.times[method] = answer.ms;
    return answer.result;
  }

  /** Start a client's proxy anew, with the state that the last one left; with a new file that names an address where one is given. */
  async restartProxy(external?: string): Promise<void> {
    const file = external === undefined ? {} : { external, issuedAtMs: Date.now() };
    this.proxy = await startProxy(this.lab, { ...this.config, ...file });
  }

  /** Start a host's proxy anew, with the state that the last one left; with another identity where one is named. */
  async restartHost(host: HostName, identity?: string): Promise<void> {
    this.hosts[host] = await this.lab.startHost(host, this.#poolSize, identity);
  }

  async status(): Promise<ClientProxyStatus> {
    return this.proxy.call<ClientProxyStatus>('status');
  }

  async untilConnected(): Promise<void> {
    await until('the proxy reaches its host', async () => (await this.status()).host !== null);
    await until(
      'the host knows the user',
      async () => (await this.call<unknown[]>(this.at, 'userEndpoints')).length > 0,
    );
  }

  get other(): HostName {
    return this.at === 'a' ? 'b' : 'a';
  }

  /** Make the target ready and tell the clients; the first half of a move. */
  async prepare(
    timeoutMs = 15_000,
    alter: Partial<AddressChange> = {},
  ): Promise<{ change: AddressChange; prepared: number; silent: number }> {
    const { at, other, lab } = this;
    await lab.cable(other);
    await this.call(other, 'attach', definition);
    const newExternal = await this.call<string>(other, 'allocateExternal', definition.id);
    await this.call(other, 'importState', definition.id, await this.call(at, 'exportState', definition.id));
    const change: AddressChange = {
      desktop: definition.id,
      epoch: this.epoch + 1,
      oldExternal: this.external,
      newExternal,
      targetKey: await this.hosts[other].call<string>('publicKey'),
      ...alter,
    };
    await this.call(other, 'expect', change);
    const told = await this.call<{ prepared: number; silent: number }>(
      at,
      'prepareClients',
      change,
      timeoutMs,
    );
    return { change, ...told };
  }

  /** Pause the desktop, carry it over and let it run at the target; give the number of held packets. */
  async switchOver(change: AddressChange, pauseMs: number): Promise<number> {
    const { at, other, lab } = this;
    await this.call(at, 'hold', definition.id);
    await lab.unplug(at);
    await sleep(pauseMs);
    await this.call(other, 'activate', definition);
    await lab.plug(other);
    const { packets } = await this.call<{ packets: number }>(at, 'releaseTo', change);
    Object.assign(this, { at: other, external: change.newExternal, epoch: change.epoch });
    return packets;
  }

  async commit(change: AddressChange, timeoutMs = 15_000): Promise<{ confirmed: number; silent: number }> {
    return this.call(this.at, 'commitClients', change, timeoutMs);
  }

  /** Remove what the move left at the source. */
  async cleanUp(change: AddressChange): Promise<void> {
    await this.call(this.other, 'forgetMoved', change);
    await this.call(this.other, 'detach', definition.id);
  }

  /** Call a prepared move off, as the source and the target do. */
  async callOff(change: AddressChange): Promise<void> {
    await this.call(this.at, 'abortClients', change);
    await this.call(this.other, 'detach', definition.id);
  }

  /** A whole move. */
  async move(pauseMs = 300) {
    const { change, ...told } = await this.prepare();
    const held = await this.switchOver(change, pauseMs);
    const committed = await this.commit(change);
    return { change, ...told, held, committed };
  }

  /** Open streams from the client to the desktop. */
  async stream(
    sends: { server: boolean; client: boolean },
    connections = 1,
    address = this.external,
  ): Promise<Stream> {
    const base = { address, port: DESKTOP_PORT };
    const server = await this.lab.start(DESKTOP, 'stream-process.ts', {
      ...base,
      role: 'server',
      sends: sends.server,
    });
    const client = await this.lab.start(CLIENT, 'stream-process.ts', {
      ...base,
      role: 'client',
      sends: sends.client,
      connections,
    });
    const stream = new Stream(server, client);
    this.#streams.push(stream);
    return stream;
  }

  /** End the streams that a failed test has left. */
  async endStreams(): Promise<void> {
    for (const { server, client } of this.#streams.splice(0))
      await Promise.all([server.kill(), client.kill()]);
  }

  async dispose(): Promise<void> {
    await this.lab.dispose();
  }
}

export class Stream {
  readonly server: Helper;
  readonly client: Helper;

  constructor(server: Helper, client: Helper) {
    this.server = server;
    this.client = client;
  }

  async mark(): Promise<void> {
    await this.server.call('mark');
    await this.client.call('mark');
  }

  async reports(): Promise<{ server: StreamReport[]; client: StreamReport[] }> {
    return {
      server: await this.server.call<StreamReport[]>('report'),
      client: await this.client.call<StreamReport[]>('report'),
    };
  }

  /** Stop sending and wait until all has arrived; the last reports. */
  async finish(): Promise<{ server: StreamReport[]; client: StreamReport[] }> {
    await this.server.call('quiet');
    await this.client.call('quiet');
    const sum = (r: StreamReport[], key: 'sent' | 'received') => r.reduce((n, x) => n + x[key], 0);
    const settled = async () => {
      const { server, client } = await this.reports();
      return (
        sum(server, 'sent') === sum(client, 'received') && sum(client, 'sent') === sum(server, 'received')
      );
    };
    // A machine that does other things first needs long for what forty ends have sent.
    await until('all bytes arrive', settled, 60_000).catch(() => undefined);
    const last = await this.reports();
    await this.server.kill();
    await this.client.kill();
    return last;
  }
}

/** Expect that all that one end sent has arrived at the other, unchanged, on sockets that are open still. */
export function expectWhole({ server, client }: { server: StreamReport[]; client: StreamReport[] }): void {
  for (const end of [...server, ...client]) expect(end).toMatchObject({ closed: null, wrong: 0 });
  const sum = (r: StreamReport[], key: 'sent' | 'received') => r.reduce((n, x) => n + x[key], 0);
  expect(sum(client, 'received')).toBe(sum(server, 'sent'));
  expect(sum(server, 'received')).toBe(sum(client, 'sent'));
  expect(sum(server, 'sent') + sum(client, 'sent')).toBeGreaterThan(0);
}

async function call<T>(host: Helper, method: string, ...args: unknown[]): Promise<T> {
  return (await host.call<{ result: T; ms: number }>('call', method, args)).result;
}

async function startProxy(lab: Lab, config: ClientConfig): Promise<Helper> {
  return lab.start(CLIENT, 'client-process.ts', { config, stateFile: join(lab.folder, 'client.json') });
}
