// The client of the peers' TLS port: one agent with a kept connection a peer, the peer's name checked against the expected host.
import { Agent, request } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import type { CommitAnswer as Answer, SwitchoverKey, PeerHost, Peers } from '../../ports/peers.js';
import { errorCodeOf, messageOf, VmshadowError } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import type { HostCertificate } from './host-certificate.js';
import { CommitAnswer, PeerError, type PeerVerb } from './peer-protocol.js';

/** A peer across the world answers a short question in this time, or the link is as good as gone. */
const ANSWER_WITHIN_MS = 5_000;
/** The commit includes the start of the copy at the target. */
const COMMIT_WITHIN_MS = 15_000;

export class TlsPeers implements Peers {
  readonly #certificate: HostCertificate;
  readonly #agents = new Map<string, Agent>();
  /** Of before the last change of certificates: what is under way ends there. */
  readonly #retired: Agent[] = [];

  constructor(certificate: HostCertificate) {
    this.#certificate = certificate;
    certificate.onChange(() => {
      for (const agent of this.#agents.values()) {
        for (const sockets of Object.values(agent.freeSockets)) for (const s of sockets ?? []) s.destroy();
        agent.options.keepAlive = false;
        this.#retired.push(agent);
      }
      this.#agents.clear();
    });
  }

  connect(host: HostRef, endpoint: Endpoint): PeerHost {
    const ask = (verb: PeerVerb, body: unknown, signal: AbortSignal) =>
      this.#ask(host, endpoint, verb, body, signal);
    return {
      ping: (signal) =>
        ask('ping', {}, signal).then(
          () => true,
          () => false,
        ),
      expect: async (key, change, state) => {
        await ask(
          'expect',
          {
            key: bare(key),
            change: { oldExternal: change.oldExternal, newExternal: change.newExternal },
            state,
          },
          AbortSignal.timeout(ANSWER_WITHIN_MS),
        );
      },
      confirm: async (key) => {
        await ask('confirm', { key: bare(key) }, AbortSignal.timeout(COMMIT_WITHIN_MS));
      },
      commit: async (key, { snapshot }): Promise<Answer> => {
        const answer = await ask(
          'commit',
          { key: bare(key), snapshot },
          AbortSignal.timeout(COMMIT_WITHIN_MS),
        );
        return parseInput(CommitAnswer, answer, `answer of ${hostKey(host)} to commit`);
      },
    };
  }

  /** Close kept connections. */
  close(): void {
    for (const agent of [...this.#agents.values(), ...this.#retired]) agent.destroy();
    this.#agents.clear();
  }

  async #ask(
    host: HostRef,
    endpoint: Endpoint,
    verb: PeerVerb,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const text = JSON.stringify(body);
    const { status, reply } = await new Promise<{ status: number; reply: string }>((resolve, reject) => {
      const req = request(
        {
          agent: this.#agent(host),
          host: endpoint.address,
          port: endpoint.port,
          path: `/v1/${verb}`,
          method: 'POST',
          signal,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () =>
            resolve({ status: res.statusCode ?? 0, reply: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      req.on('error', reject);
      req.end(text);
    }).catch((cause: unknown) => {
      throw new VmshadowError(
        'HOST_UNREACHABLE',
        `${hostKey(host)} at ${endpoint.address}:${String(endpoint.port)} did not answer ${verb}: ${messageOf(cause)}`,
        { cause },
      );
    });
    const parsed = readJson(reply, host);
    if (status === 200) return parsed;
    const { code, message } = parseInput(PeerError, parsed, `refusal of ${hostKey(host)}`);
    throw new VmshadowError(errorCodeOf(code), `${hostKey(host)}: ${message}`);
  }

  #agent(host: HostRef): Agent {
    const name = hostKey(host);
    let agent = this.#agents.get(name);
    if (agent === undefined) {
      const checkServerIdentity = (_: string, cert: PeerCertificate) =>
        cert.subject.CN === name && !this.#certificate.isRevoked(cert.serialNumber)
          ? undefined
          : new Error(`the peer's certificate is for ${String(cert.subject.CN)}, expected ${name}`);
      agent = new Agent({
        ...this.#certificate.client,
        keepAlive: true,
        maxSockets: 8,
        minVersion: 'TLSv1.3',
        checkServerIdentity,
      });
      this.#agents.set(name, agent);
    }
    return agent;
  }
}

/** Callers pass objects that hold more than the key. */
const bare = ({ desktop, moveId, epoch }: SwitchoverKey): SwitchoverKey => ({ desktop, moveId, epoch });

function readJson(text: string, host: HostRef): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VmshadowError('HOST_UNREACHABLE', `${hostKey(host)} answered with what is not JSON`, { cause });
  }
}
