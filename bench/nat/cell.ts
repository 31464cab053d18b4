// Runs one cell of the NAT bench: a world of its own, three connections, one move, two seconds after it.
import { DesktopSession, type StreamReport, sleep } from '../../test/system/guest-proxy/support/session.js';
import type { Cell, Measured } from './cells.js';

const CONNECTIONS = 3;
const PAUSE_MS = 300;
const SETTLED_MS = 2_000;

interface Relayed {
  rttMs: number | null;
}

const sum = (reports: readonly StreamReport[], key: 'sent' | 'received'): number =>
  reports.reduce((n, r) => n + r[key], 0);

/** Move a desktop once. */
export async function runCell({ nat, first }: Cell): Promise<Measured> {
  const session = await DesktopSession.create(nat);
  try {
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
      leaked: await session.lab.leaked(),
    };
  } finally {
    await session.dispose();
  }
}
