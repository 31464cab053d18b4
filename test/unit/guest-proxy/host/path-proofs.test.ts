// The host's side of proofs of paths: what is answered, and which flows may leave by their own path.
import { pino } from 'pino';
import type { DesktopId } from '../../../../domain/model/ids.js';
import type { ClientSession } from '../../../../guest-proxy/host/control-server.js';
import { emptyRecord } from '../../../../guest-proxy/host/network-record.js';
import { PathProofs } from '../../../../guest-proxy/host/path-proofs.js';
import type { Message, PathSeen } from '../../../../guest-proxy/protocol/messages.js';
import { decodeAnswer, encodeAnswer, encodeAsk } from '../../../../guest-proxy/protocol/path-proof.js';
import { punchPacket } from '../../../../guest-proxy/punch/packets.js';
import { flowKey, type RelayedFlow } from '../../../../guest-proxy/relay/flow.js';
import { payloadOf } from '../../../../guest-proxy/relay/packet.js';
import type { ProxiedFlow } from '../../../../guest-proxy/rules/flow.js';
import { client, established } from '../support.js';

const DESKTOP = 'desk-1' as DesktopId;
const EXTERNAL = '192.0.2.10';
const NAT = '203.0.113.1';
const listedFlow = (port: number): RelayedFlow => ({
  protocol: 'tcp',
  port: 5901,
  peer: { address: NAT, port },
});

function host(listed: readonly RelayedFlow[]) {
  const { clientEnd, hostEnd } = established();
  const session = {
    ...{ desktop: DESKTOP, client: client.publicKey, localAddress: EXTERNAL, session: hostEnd },
    ...{ seenAs: { address: NAT, port: 999 }, lastHeardAtMs: 0, epoch: 4, pendingEpoch: 5 },
    ...{ rtts: [], rttsAtMs: 0, flowByFlow: true },
  } as ClientSession;
  const direct: string[] = [];
  const said: Message[] = [];
  const proofs = new PathProofs({
    sessionById: (id) => (id.equals(hostEnd.id) ? session : null),
    find: () => ({ ...emptyRecord(DESKTOP), external: EXTERNAL, epoch: 5 }),
    relays: {
      isListed: (_, flow) => listed.some((f) => flowKey(f) === flowKey(flow)),
      goDirect: (_, { flow }) => {
        direct.push(flowKey(flow));
        return true;
      },
    },
    tell: (_, message) => said.push(message),
    logger: pino({ level: 'silent' }),
  });
  /** What the client learns of an ASK that its NAT has given `natPort`. */
  const askFrom = (
    clientPort: number,
    natPort: number,
    token = Buffer.alloc(8, natPort & 0xff),
  ): PathSeen => {
    const end = { protocol: 'tcp', external: EXTERNAL, port: 5901 } as const;
    const content = encodeAsk({ session: clientEnd.id, token, clientPort }, end, clientEnd.pathKey);
    const answer = proofs.answer(packetFrom(natPort, content))!;
    expect(answer.destination).toBe(NAT);
    const bytes = payloadOf(answer.bytes);
    const seen = { address: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(20) };
    const fields = { token, clientPort: bytes.readUInt16BE(22), cookie: bytes.subarray(24, 32) };
    return { protocol: 'tcp', port: 5901, seen, ...fields };
  };
  const tell = async (...paths: PathSeen[]) => {
    said.length = 0;
    proofs.proved(session, { kind: 'proved', desktop: DESKTOP, epoch: 5, paths });
    await new Promise((done) => setImmediate(done));
    return said.flatMap((m) => (m.kind === 'direct' ? m.tokens : []));
  };
  return { proofs, session, clientEnd, direct, askFrom, tell };
}

function packetFrom(natPort: number, content: Buffer): Buffer {
  const flow: ProxiedFlow = {
    protocol: 'tcp',
    local: { address: NAT, port: natPort },
    remote: { address: EXTERNAL, port: 5901 },
  };
  return punchPacket(flow, EXTERNAL, 'open', content);
}

it('answers back to where the packet came from, and says where that is', () => {
  const { askFrom } = host([]);
  expect(askFrom(40_000, 40_007)).toMatchObject({ seen: { address: NAT, port: 40_007 }, clientPort: 40_000 });
});

it('answers nothing that no client of the desktop has made', () => {
  const { proofs, clientEnd } = host([]);
  const end = { protocol: 'tcp', external: EXTERNAL, port: 5901 } as const;
  const ask = { session: clientEnd.id, token: Buffer.alloc(8, 1), clientPort: 40_000 };
  const good = encodeAsk(ask, end, clientEnd.pathKey);
  const stranger = encodeAsk({ ...ask, session: Buffer.alloc(8, 9) }, end, clientEnd.pathKey);
  const otherPort = encodeAsk(ask, { ...end, port: 5902 }, clientEnd.pathKey);
  const torn = Buffer.from(good);
  torn[30]! ^= 1;
  for (const content of [stranger, otherPort, torn, good.subarray(0, 41), Buffer.alloc(42)])
    expect(proofs.answer(packetFrom(40_000, content))).toBeNull();
  expect(proofs.answer(Buffer.from('no packet'))).toBeNull();
  expect(proofs.answer(packetFrom(40_000, good))).not.toBeNull();
});

it('lets a listed flow go directly, whatever port its NAT has given it, as long as all of the client’s are listed', async () => {
  const { direct, askFrom, tell } = host([listedFlow(40_007), listedFlow(40_008)]);
  const [one, two] = [askFrom(40_000, 40_007), askFrom(40_001, 40_008)];
  expect(await tell(one, two)).toEqual([one.token, two.token]);
  expect(direct).toEqual([flowKey(listedFlow(40_007)), flowKey(listedFlow(40_008))]);
  // Said again where the word was lost, and done once.
  expect(await tell(one)).toEqual([one.token]);
  expect(direct).toHaveLength(2);
});

it('does not take the port of one flow for another’s, where the NAT gives each destination another port', async () => {
  const { direct, askFrom, tell } = host([listedFlow(40_007), listedFlow(40_008)]);
  const [byChance, other] = [askFrom(40_001, 40_007), askFrom(40_000, 51_234)];
  expect(await tell(other, byChance)).toEqual([]);
  expect(direct).toEqual([]);
});

it('believes no answer that it has not given, and nothing of an epoch that is not its own', async () => {
  const { proofs, session, direct, askFrom, tell } = host([listedFlow(40_000)]);
  const path = askFrom(40_000, 40_000);
  const seen = { ...path.seen, port: 40_009 };
  expect(await tell({ ...path, seen }, { ...path, cookie: Buffer.alloc(8) })).toEqual([]);
  proofs.proved(session, { kind: 'proved', desktop: DESKTOP, epoch: 6, paths: [path] });
  proofs.proved(
    { ...session, localAddress: '192.0.2.11' },
    {
      ...{ kind: 'proved', desktop: DESKTOP, epoch: 5 },
      paths: [path],
    },
  );
  expect(direct).toEqual([]);
  expect(await tell(path)).toEqual([path.token]);
});

it('believes no answer that a client has made itself: the flow may be somebody else’s', async () => {
  const { clientEnd, direct, tell } = host([listedFlow(40_000)]);
  const end = { protocol: 'tcp', external: EXTERNAL, port: 5901 } as const;
  const ask = { session: clientEnd.id, token: Buffer.alloc(8, 1), clientPort: 40_000 };
  const made = encodeAnswer(ask, end, { address: NAT, port: 40_000 }, clientEnd.pathKey);
  expect(await tell({ protocol: 'tcp', port: 5901, ...decodeAnswer(made)! })).toEqual([]);
  expect(direct).toEqual([]);
});
