// The host's conversation with the users' proxies: sessions, questions with repetition, and what each client is told unasked.
import { messageOf } from '../../domain/errors.js';
import type { AddressChange, UserEndpointReport } from '../../ports/desktop-network.js';
import type { Endpoint } from '../../domain/model/address.js';
import { type DesktopId, SiteId } from '../../domain/model/ids.js';
import type { Logger } from '../logger.js';
import type { Identity } from '../protocol/identity.js';
import type { Message } from '../protocol/messages.js';
import { type AnswerKind, ClientExchange } from './client-exchange.js';
import { type ClientSession, ControlServer } from './control-server.js';
import type { Departed } from './departed.js';
import type { KeyList } from './key-list.js';
import type { NetworkRecord } from './network-record.js';
import type { Users } from './old-site-relays.js';
import { SessionHints } from './session-hints.js';
import type { Role } from '../protocol/wire.js';
import { standingFor, whatToTell } from './what-to-tell.js';

export interface UserChannelOptions {
  readonly identity: Identity;
  readonly controlPort: number;
  readonly hintsFile: string;
  readonly logger: Logger;
  readonly now: () => number;
  readonly keys: KeyList;
  readonly find: (desktop: string) => NetworkRecord | null;
  /** Where desktops went that have left for good. */
  readonly departed: Departed;
  /** A client of the desktop says that its flows go to the present address: all of them, or (`flowByFlow`) those that are proved. */
  readonly onCommitted: (session: ClientSession, flowByFlow: boolean) => void;
  /** A client tells of paths of its flows that have answered. */
  readonly onProved: (session: ClientSession, message: Extract<Message, { kind: 'proved' }>) => void;
}

export class UserChannel {
  readonly #options: UserChannelOptions;
  readonly #control: ControlServer;
  readonly #exchange: ClientExchange;
  readonly #hints: SessionHints;
  /** This host's own address: clients ask there when nobody answers where they last saw their desktop. */
  #own: string | null = null;

  constructor(options: UserChannelOptions) {
    this.#options = options;
    this.#hints = new SessionHints(options.hintsFile, (error) => {
      options.logger.warn(
        { error: messageOf(error) },
        'clients may be told later that this host has started again',
      );
    });
    this.#control = new ControlServer({
      ...options,
      lookup: (desktop, client, local) =>
        options.keys.isRevoked(client) ? null : this.#standing(desktop, client, local),
      onKeepalive: (session) => this.#onKeepalive(session),
      onMessage: (session, message) => this.#onAnswer(session, message),
    });
    this.#exchange = new ClientExchange((session, message) => this.#control.send(session, message));
  }

  /** Answer RTT probes, and ask the clients of before a restart to say hello again. */
  async start(probe: Endpoint): Promise<void> {
    this.#own = probe.address;
    await this.#control.listenForProbes(probe);
    for (const hint of await this.#hints.load())
      this.#control.hint(hint.localAddress, Buffer.from(hint.session, 'hex'), hint.seenAs);
  }

  stop(): void {
    this.#control.closeAll();
  }

  /** Answer clients at an external address of this host. */
  async listen(address: string): Promise<void> {
    await this.#control.listen(address);
  }

  /** Stop answering there. */
  close(address: string): void {
    this.#control.close(address);
  }

  /** Ask all clients of a desktop at one address; give the number of those that answered in time. */
  async ask(
    change: AddressChange,
    localAddress: string,
    message: Message,
    answer: AnswerKind,
    limits: { timeoutMs: number; patienceMs: number },
  ): Promise<number> {
    const { desktop, epoch } = change;
    if (message.kind === 'prepare')
      for (const session of this.#control.sessionsAt(desktop, localAddress))
        this.#vouch(session, change.targetKey);
    const sessions = () => this.#control.sessionsAt(desktop, localAddress);
    const answered = await this.#exchange.ask({ desktop, epoch, message, answer, sessions, ...limits });
    return answered.size;
  }

  /** The users as they were last heard at the desktops' present addresses. */
  userEndpoints(): UserEndpointReport[] {
    const nowMs = this.#options.now();
    return this.#control
      .all()
      .filter((s) => this.#options.find(s.desktop)?.external === s.localAddress)
      .map((s) => ({
        desktop: s.desktop as DesktopId,
        client: s.client,
        seenAs: s.seenAs,
        rtts: s.rtts.flatMap((r) => {
          const site = SiteId.safeParse(r.site);
          const ageMs = r.ageMs + (nowMs - s.rttsAtMs);
          return site.success ? [{ site: site.data, rttMs: r.rttMs, ageMs }] : [];
        }),
      }));
  }

  /** Where clients are that have confirmed to be ready for a change of address. */
  preparedAt(desktop: string, localAddress: string, epoch: number): Users {
    const ready = this.#control
      .sessionsAt(desktop, localAddress)
      .filter((s) => s.pendingEpoch === epoch || s.epoch === epoch);
    const addresses = (atOnce: boolean) => [
      ...new Set(ready.filter((s) => (s.flowByFlow === false) === atOnce).map((s) => s.seenAs.address)),
    ];
    const relayed = addresses(false).sort();
    // Of two behind one NAT that differ in this, both have flows on the relay: what is relayed needlessly still arrives.
    return {
      direct: addresses(true)
        .filter((a) => !relayed.includes(a))
        .sort(),
      relayed,
    };
  }

  /** The session of that name (8 bytes); null where none is known. */
  sessionById(id: Buffer): ClientSession | null {
    return this.#control.sessionById(id);
  }

  tell(session: ClientSession, message: Message): void {
    this.#control.send(session, message);
  }

  /** How often what kind of packet was refused. */
  get refused(): Readonly<ControlServer['counters']> {
    return this.#control.counters;
  }

  /** Tell clients that are behind, again. */
  remind(): void {
    this.#control.dropClients((client) => this.#options.keys.isRevoked(client));
    for (const session of this.#control.all()) this.#tell(session);
  }

  #standing(desktop: string, client: string, local: string): { role: Role; epoch: number } | null {
    const { find, departed } = this.#options;
    if (local !== this.#own) return standingFor(find(desktop), client, local);
    return departed.knows(desktop, client) ? { role: 'moved', epoch: 0 } : null;
  }

  #due(session: ClientSession): Message[] {
    const { find, departed } = this.#options;
    const { desktop, client, localAddress } = session;
    const here = localAddress !== this.#own;
    const record = here ? find(desktop) : departed.recordFor(desktop, client, session);
    if (record === null) return [];
    // Who asks at the host itself is told what it would have been told where the desktop was.
    const left = here ? localAddress : (record.moved[0]?.oldExternal ?? localAddress);
    return whatToTell(record, {
      localAddress: left,
      epoch: session.epoch,
      pendingEpoch: session.pendingEpoch,
    });
  }

  #onAnswer(session: ClientSession, message: Message): void {
    if (!('desktop' in message) || message.desktop !== session.desktop) return;
    if (message.kind === 'proved') {
      this.#options.onProved(session, message);
      return;
    }
    if (message.kind === 'prepared' || message.kind === 'committed')
      session.flowByFlow = message.relayed !== undefined;
    if (message.kind === 'prepared') session.pendingEpoch = message.epoch;
    if (message.kind === 'committed') {
      Object.assign(session, { epoch: message.epoch, pendingEpoch: 0 });
      this.#options.onCommitted(session, message.relayed !== undefined);
    }
    if (message.kind === 'aborted' && session.pendingEpoch === message.epoch) session.pendingEpoch = 0;
    this.#exchange.answered(session, message);
  }

  #onKeepalive(session: ClientSession): void {
    const { localAddress, seenAs } = session;
    void this.#hints.note({ localAddress, session: session.session.id.toString('hex'), seenAs });
    for (const { key } of this.#options.keys.revokedHosts()) this.#vouch(session, key);
    this.#tell(session);
  }

  /** Tell a client what the authority says of a host: it may be younger than the client's configuration, or revoked since. */
  #vouch(session: ClientSession, hostKey: string): void {
    const word = this.#options.keys.find(hostKey);
    if (word?.kind !== 'host') return;
    const { serial, revoked } = word;
    const [key, signature] = [Buffer.from(word.key, 'base64'), Buffer.from(word.signature, 'base64')];
    this.#control.send(session, { kind: 'vouch', key, serial, revoked, signature });
  }

  #tell(session: ClientSession): void {
    for (const message of this.#due(session)) {
      if (message.kind === 'prepare') this.#vouch(session, message.targetKey.toString('base64'));
      this.#control.send(session, message);
    }
  }
}
