// Proofs of flows' paths at a desktop's host (protocol/path-proof.ts): answers what a client asks by packets of its flows themselves, and lets
// a flow take its own path when the client has shown that the answer came: the client first (COMMITTED), then the desktop. The kernel picks the asking packets (rules/host-rules.ts); none of them
// reaches a desktop, whoever made it, also while this program does not run.
import nfqueue from 'nfqueue';
import { messageOf } from '../../domain/errors.js';
import type { Logger } from '../logger.js';
import { systemRandom } from '../protocol/handshake.js';
import type { Message, PathSeen } from '../protocol/messages.js';
import { cookieKey, decodeAsk, encodeAnswer, isAnswered, isAskOf } from '../protocol/path-proof.js';
import { punchPacket } from '../punch/packets.js';
import { RawSocket } from '../punch/raw-socket.js';
import { flowKey, type RelayedFlow } from '../relay/flow.js';
import { payloadOf, readPacket } from '../relay/packet.js';
import { PROOF_MARK } from '../rules/host-rules.js';
import type { ClientSession } from './control-server.js';
import type { NetworkRecord } from './network-record.js';
import type { OldSiteRelays } from './old-site-relays.js';
import { PacketQueue } from './packet-queue.js';

const QUEUE_NUMBER = 7_950;
/** Flows of a stay that are remembered to have been let go: more than a list has. Others are judged anew when they are told of again. */
const MAX_REMEMBERED = 20_000;

interface PathProofsOptions {
  readonly sessionById: (id: Buffer) => ClientSession | null;
  readonly find: (desktop: string) => NetworkRecord | null;
  readonly relays: Pick<OldSiteRelays, 'goDirect' | 'isListed'>;
  readonly tell: (session: ClientSession, message: Message) => void;
  readonly logger: Logger;
}

type Proved = Extract<Message, { kind: 'proved' }>;

/** A flow's path, as the host knows flows. */
const flowOf = ({ protocol, port, seen }: PathSeen): RelayedFlow => ({ protocol, port, peer: seen });

export class PathProofs {
  readonly #options: PathProofsOptions;
  #raw: RawSocket | null = null;
  /** Without it clients, which have their sessions' keys, could tell of paths that nobody has answered on. */
  readonly #secret = systemRandom(32);
  /** What each desktop's clients have proved at its present stay: flows, and whether all of a client's were known. */
  readonly #stays = new Map<string, { epoch: number; direct: Set<string>; strange: Set<string> }>();
  readonly #queue = new PacketQueue({
    number: QUEUE_NUMBER,
    mark: PROOF_MARK,
    bypass: false,
    onPacket: (packet) => {
      this.receive(packet.payload);
      packet.setVerdict(nfqueue.NF_DROP);
    },
  });

  constructor(options: PathProofsOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#raw = new RawSocket({ mark: PROOF_MARK });
    await this.#queue.open();
  }

  close(): void {
    this.#raw?.close();
    this.#raw = null;
  }

  /** Put back what somebody else has taken away; says what. */
  async keep(): Promise<string[]> {
    return (await this.#queue.keepRule()) ? ["the rule that queues proofs of flows' paths"] : [];
  }

  /** Answer a packet that asks for its path, where a client of the desktop at that address has made it. Does not throw. */
  receive(packet: Buffer): void {
    try {
      const answer = this.answer(packet);
      if (answer !== null) this.#raw?.send(answer.bytes, answer.destination);
    } catch (error) {
      this.#options.logger.debug(
        { error: messageOf(error) },
        "a proof of a flow's path could not be answered",
      );
    }
  }

  /** The packet that answers; null where `packet` asks for nothing that this host can tell. */
  answer(packet: Buffer): { destination: string; bytes: Buffer } | null {
    const read = readPacket(packet, 'in');
    const ask = read === null ? null : decodeAsk(payloadOf(packet));
    if (read === null || ask === null) return null;
    const session = this.#options.sessionById(ask.session);
    if (session?.localAddress !== read.destination) return null;
    const { protocol, port, peer } = read.flow;
    const end = { protocol, external: read.destination, port };
    const { pathKey } = session.session;
    if (!isAskOf(ask, end, pathKey)) return null;
    const back = { protocol, local: { address: end.external, port }, remote: peer };
    const content = encodeAnswer(ask, end, peer, cookieKey(this.#secret, pathKey));
    return { destination: peer.address, bytes: punchPacket(back, peer.address, 'open', content) };
  }

  /** Let the flows leave by the paths that this host has answered on, and tell the client which may. */
  proved(session: ClientSession, message: Proved): void {
    const record = this.#options.find(session.desktop);
    const { desktop, epoch } = message;
    if (record === null || record.external !== session.localAddress) return;
    if (record.expecting?.epoch !== epoch && record.epoch !== epoch) return;
    const key = cookieKey(this.#secret, session.session.pathKey);
    const own = message.paths.filter((p) => isAnswered(p, session.localAddress, key));
    if (own.length === 0) return;
    const stay = this.#stay(desktop, epoch);
    const { relays } = this.#options;
    // A NAT that gives another port to each destination may by chance give one that another flow has.
    const isStrange = (p: PathSeen) => p.seen.port !== p.clientPort && !relays.isListed(desktop, flowOf(p));
    for (const path of own)
      if (isStrange(path) && !stay.direct.has(flowKey(flowOf(path)))) stay.strange.add(session.client);
    const direct = own.filter((path) => {
      const name = flowKey(flowOf(path));
      if (stay.direct.has(name)) return true;
      if (path.seen.port !== path.clientPort && stay.strange.has(session.client)) return false;
      if (!relays.goDirect(desktop, { flow: flowOf(path), client: session.client })) return false;
      if (stay.direct.size < MAX_REMEMBERED) stay.direct.add(name);
      return true;
    });
    if (direct.length === 0) return;
    const tokens = direct.map((p) => p.token);
    this.#options.tell(session, { kind: 'direct', desktop, epoch, tokens });
  }

  #stay(desktop: string, epoch: number) {
    const known = this.#stays.get(desktop);
    if (known?.epoch === epoch) return known;
    // Of desktops that are gone nothing is remembered.
    for (const other of this.#stays.keys()) if (this.#options.find(other) === null) this.#stays.delete(other);
    const stay = { epoch, direct: new Set<string>(), strange: new Set<string>() };
    this.#stays.set(desktop, stay);
    return stay;
  }
}
