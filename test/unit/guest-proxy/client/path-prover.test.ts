// The client's side of proofs of paths, with the network between replaced by what it is asked to send.
import { pino } from 'pino';
import type { HostLink } from '../../../../guest-proxy/client/host-link.js';
import { PathProver, type PathProverOptions } from '../../../../guest-proxy/client/path-prover.js';
import type { Message } from '../../../../guest-proxy/protocol/messages.js';
import { decodeAsk, encodeAnswer } from '../../../../guest-proxy/protocol/path-proof.js';
import type { SeenAnswer } from '../../../../guest-proxy/punch/answer-socket.js';
import { payloadOf } from '../../../../guest-proxy/relay/packet.js';
import type { ProxiedFlow } from '../../../../guest-proxy/rules/flow.js';
import { established } from '../support.js';

const NEW = '192.0.2.10';
const flow = (port: number): ProxiedFlow => ({
  protocol: 'tcp',
  local: { address: '10.0.0.2', port },
  remote: { address: '198.51.100.10', port: 5901 },
});

/** A NAT that lets the packets of some local ports through. */
function world(
  passes: (port: number) => boolean,
  proves: boolean | null = true,
  look?: () => ReturnType<PathProverOptions['answers']>,
) {
  const told: Extract<Message, { kind: 'proved' }>[] = [];
  const answers: SeenAnswer[] = [];
  const end = { protocol: 'tcp', external: NEW, port: 5901 } as const;
  const asked: number[] = [];
  let settled = 0;
  const link = { address: NEW, proves, session: established().clientEnd } as unknown as HostLink;
  Object.assign(link, { send: (m: Message) => m.kind === 'proved' && told.push(m) });
  let next = 1;
  const prover = new PathProver({
    desktop: 'desk-1',
    answers: look ?? (() => ({ read: () => answers.splice(0), close: () => undefined })),
    link: (address) => (address === NEW ? link : undefined),
    send: async (packets) => {
      for (const { bytes } of packets) {
        const ask = decodeAsk(payloadOf(bytes))!;
        asked.push(ask.clientPort);
        const seen = { address: '203.0.113.1', port: ask.clientPort };
        const content = encodeAnswer(ask, end, seen, Buffer.alloc(32, 9));
        if (passes(ask.clientPort)) answers.push({ protocol: 'tcp', port: 5901, content });
      }
    },
    onSettled: () => (settled += 1),
    logger: pino({ level: 'silent' }),
    random: (n) => Buffer.alloc(n, next++),
  });
  /** Let time pass, in ticks of 50 ms. */
  const run = async (fromMs: number, toMs: number) => {
    for (let at = fromMs; at < toMs; at += 50) {
      prover.tick(at);
      await new Promise((done) => setImmediate(done));
    }
  };
  return { prover, told, asked, run, link, settled: () => settled };
}

it('tells of answers until the host says that the flow goes directly, and only of those', async () => {
  const { prover, told, run, settled } = world((port) => port === 40_000);
  const flows = [flow(40_000), flow(40_001)];
  prover.aim({ address: NEW, epoch: 5, flows });
  await run(0, 300);
  expect(told.length).toBeGreaterThan(0);
  for (const { epoch, paths } of told) {
    expect(epoch).toBe(5);
    expect(paths.map((p) => p.clientPort)).toEqual([40_000]);
  }
  expect(flows.map((f) => prover.isDirect(f))).toEqual([false, false]);
  expect(prover.isSettled(300)).toBe(false);
  const { token } = told[0]!.paths[0]!;
  prover.confirm(NEW, 4, [token]);
  prover.confirm(NEW, 5, [Buffer.alloc(8, 0xee)]);
  expect(prover.isDirect(flows[0]!)).toBe(false);
  prover.confirm(NEW, 5, [token]);
  expect(flows.map((f) => prover.isDirect(f))).toEqual([true, false]);
  const before = told.length;
  await run(300, 1_000);
  expect(told).toHaveLength(before);
  // A move waits for what does not pass no longer than it must.
  expect(prover.isSettled(1_000)).toBe(true);
  expect(settled()).toBeGreaterThan(0);
});

it('asks less and less often, and goes on', async () => {
  const { prover, asked, run } = world(() => false);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
  await run(0, 5_000);
  const early = asked.length;
  expect(early).toBeGreaterThan(3);
  await run(5_000, 200_000);
  expect(asked.length).toBeGreaterThan(early);
  expect(asked.length).toBeLessThan(early + 10);
});

it('waits for a host that has not said whether it proves paths, and not for one that does not', async () => {
  const unknown = world(() => true, null);
  const old = world(() => true, false);
  for (const { prover, run } of [unknown, old]) {
    prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
    await run(0, 1_000);
  }
  expect([unknown.prover.isSettled(1_000), old.prover.isSettled(1_000)]).toEqual([false, true]);
  expect([...unknown.asked, ...old.asked]).toEqual([]);
});

it('keeps what it knows of a flow while the target is the same, and nothing for another', async () => {
  const { prover, told, run } = world(() => true);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
  await run(0, 300);
  prover.confirm(NEW, 5, [told[0]!.paths[0]!.token]);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000), flow(40_001)] });
  expect(prover.isDirect(flow(40_000))).toBe(true);
  prover.aim({ address: NEW, epoch: 6, flows: [flow(40_000)] });
  expect(prover.isDirect(flow(40_000))).toBe(false);
});

it('asks with another token when the host does not take what came of the first', async () => {
  const { prover, told, run } = world(() => true);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
  await run(0, 300_000);
  expect(new Set(told.map((m) => m.paths[0]!.token.toString('hex'))).size).toBeGreaterThan(1);
});

it('holds nothing for proved that a host said before it started anew', async () => {
  const { prover, told, run, link } = world(() => true);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
  await run(0, 300);
  expect(prover.confirm(NEW, 5, [told[0]!.paths[0]!.token])).toBe(true);
  expect(prover.isDirect(flow(40_000))).toBe(true);
  Object.assign(link, { session: established().clientEnd });
  expect(prover.isDirect(flow(40_000))).toBe(false);
  await run(300, 600);
  expect(prover.confirm(NEW, 5, [told.at(-1)!.paths[0]!.token])).toBe(true);
});

it('takes no word on flows from a host that it does not ask', async () => {
  const { prover, told, run } = world(() => true);
  prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
  await run(0, 300);
  const { token } = told[0]!.paths[0]!;
  expect(prover.confirm('198.51.100.10', 5, [token])).toBe(false);
  expect(prover.isDirect(flow(40_000))).toBe(false);
});

it('keeps no move waiting where answers cannot be seen', async () => {
  const refused = world(
    () => true,
    true,
    () => {
      throw new Error('EPERM');
    },
  );
  let closed = 0;
  const broken = world(
    () => true,
    true,
    () => ({
      read: () => {
        throw new Error('ENOMEM');
      },
      close: () => (closed += 1),
    }),
  );
  for (const { prover, run, settled } of [refused, broken]) {
    prover.aim({ address: NEW, epoch: 5, flows: [flow(40_000)] });
    await run(0, 1_000);
    expect(settled()).toBe(1);
  }
  expect(closed).toBeGreaterThan(0);
});
