// Runs one cell of the NAT bench: a world of its own, three connections or a socket of datagrams, one move, two seconds after it.
import { CLIENT, DESKTOP, DESKTOP_PORT } from '../../test/system/guest-proxy/support/lab.js';
import type { Around } from '../handoff/arrivals.js';
import type { EndOptions, EndState } from '../handoff/end-process.js';
import { DesktopSession, type StreamReport, sleep } from '../../test/system/guest-proxy/support/session.js';
import type { Cell, Measured } from './cells.js';

const DATAGRAMS = new URL('../handoff/end-process.ts', import.meta.url);
const CONNECTIONS = 3;
const PAUSE_MS = 300;
const SETTLED_MS = 2_000;

interface Relayed {
  rttMs: number | null;
}

const sum = (reports: readonly StreamReport[], key: 'sent' | 'received'): number =>
  reports.reduce((n, r) => n + r[key], 0);

/** Move a desktop once. */
export async function runCell({ nat, protocol, first }: Cell): Promise<Measured> {
  const session = await DesktopSession.create(nat);
  try {
    if (protocol === 'udp') return await runDatagrams(session);
    const sends = { server: first !== 'client', client: first !== 'desktop' };
    const stream = await session.stream(sends, CONNECTIONS);
    await sleep(300);
    await stream.mark();
    const { change } = await session.move(PAUSE_MS);
    await sleep(SETTLED_MS);
    const { relayed } = await session.status();
    const [relay] = await session.call<Relayed[]>(session.at, 'relayed');
    const { server, client } = await stream.reports();
    const receivers = [...(sends.server ? client : []), ...(sends.client ? server : [])];
    await session.cleanUp(change);
    const last = await stream.finish();
    const ends = [...last.server, ...last.client];
    return {
      connections: CONNECTIONS,
      relayed,
      relayRttMs: relay?.rttMs ?? null,
      intact:
        ends.every((e) => e.closed === null && e.wrong === 0) &&
        sum(last.client, 'received') === sum(last.server, 'sent') &&
        sum(last.server, 'received') === sum(last.client, 'sent'),
      gapMs: Math.max(...receivers.map((r) => r.maxGapMs)),
      pauseMs: PAUSE_MS,
      lost: null,
      leaked: await session.lab.leaked(),
    };
  } finally {
    await session.dispose();
  }
}

/** The desktop's program stands still in the pause, as a paused desktop does. */
async function runDatagrams(session: DesktopSession): Promise<Measured> {
  const { lab, external } = session;
  const end = (role: EndOptions['role']): EndOptions => ({ role, address: external, port: DESKTOP_PORT });
  const desktop = await lab.start(DESKTOP, DATAGRAMS.href, end('desktop'));
  const client = await lab.start(CLIENT, DATAGRAMS.href, end('client'));
  const states = () => Promise.all([desktop, client].map((e) => e.call<EndState>('state')));
  const pid = await desktop.call<number>('pid');
  await sleep(300);
  const { change } = await session.prepare();
  process.kill(pid, 'SIGSTOP');
  const stoppedMs = Date.now();
  await session.switchOver(change, PAUSE_MS);
  process.kill(pid, 'SIGCONT');
  const pauseMs = Date.now() - stoppedMs;
  await session.commit(change);
  await sleep(SETTLED_MS);
  const { relayed } = await session.status();
  const [relay] = await session.call<Relayed[]>(session.at, 'relayed');
  const before = await states();
  await sleep(300);
  const after = await states();
  const around = await client.call<Around | null>('around', stoppedMs, stoppedMs + pauseMs);
  await session.cleanUp(change);
  for (const e of [desktop, client]) await e.call('quiet');
  await sleep(300);
  const last = await states();
  return {
    connections: 1,
    relayed,
    relayRttMs: relay?.rttMs ?? null,
    intact: after.every((state, i) => state.received > (before[i]?.received ?? 0)),
    lost: last.reduce((n, state) => n + state.sent - state.received, 0),
    gapMs: around?.gapMs ?? pauseMs + SETTLED_MS,
    pauseMs,
    leaked: await lab.leaked(),
  };
}
