// Moves of one desktop, back and forth, with connections open all the while: of its user, who has a proxy, and to a server that has none.
import { CLIENT, DESKTOP, DESKTOP_PORT, ROUTER } from '../../test/system/guest-proxy/support/lab.js';
import {
  DesktopSession,
  sleep,
  Stream,
  type StreamReport,
} from '../../test/system/guest-proxy/support/session.js';

const SERVER = { address: '203.0.113.254', port: 8_080 };
/** Each end of each connection says something twice a second. */
const EVERY_MS = 500;
const PAUSE_MS = 50;
/** A host comes back to an address after six stays: later than NATs remember its connections (docs/connections.md, "Limits"). */
const POOL = 6;
/** A connection over which nothing comes for so long after a move is lost: TCP waits two minutes at most between two tries. */
const SILENT_MS = 180_000;

export interface Move {
  readonly at: string;
  readonly connections: number;
  readonly lost: number;
  /** What is known of those that were lost. */
  readonly why: readonly string[];
  readonly ms: number;
}

type Named = StreamReport & { readonly name: string };

export class Moves {
  readonly #session: DesktopSession;
  readonly #streams: Readonly<Record<'user' | 'server', Stream>>;

  private constructor(session: DesktopSession, streams: Record<'user' | 'server', Stream>) {
    this.#session = session;
    this.#streams = streams;
  }

  /** Build the world and open the connections, half of each kind. */
  static async begin(connections: number): Promise<Moves> {
    const session = await DesktopSession.create('drop', POOL, { relayLimitMs: 24 * 3_600_000 });
    try {
      const { lab, external } = session;
      const half = { sends: true, everyMs: EVERY_MS, connections: connections / 2 };
      const open = async (at: string, from: string, to: { address: string; port: number }) => {
        const server = await lab.start(at, 'stream-process.ts', { ...half, ...to, role: 'server' });
        return new Stream(
          server,
          await lab.start(from, 'stream-process.ts', { ...half, ...to, role: 'client' }),
        );
      };
      const user = await open(DESKTOP, CLIENT, { address: external, port: DESKTOP_PORT });
      return new Moves(session, { user, server: await open(ROUTER, DESKTOP, SERVER) });
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /** Move once, clean up, and wait until each end of each connection has heard the other again. */
  async move(): Promise<Move> {
    const startedMs = Date.now();
    const { change } = await this.#session.move(PAUSE_MS);
    await this.#session.cleanUp(change);
    const before = await this.#ends();
    const endMs = Date.now() + SILENT_MS;
    const silentNow = async (): Promise<Named[]> =>
      (await this.#ends()).filter((e, i) => e.closed !== null || e.received <= (before[i]?.received ?? 0));
    let silent = await silentNow();
    while (silent.some((end) => end.closed === null) && Date.now() < endMs) {
      await sleep(EVERY_MS / 2);
      silent = await silentNow();
    }
    const wrong = (await this.#ends()).filter((end) => end.wrong > 0 && end.closed === null);
    const lost = [...silent, ...wrong];
    return {
      at: new Date().toISOString(),
      connections: before.length / 2,
      // Both ends of one are seen.
      lost: new Set(lost.map((end) => end.name)).size,
      why: [
        ...new Set(lost.map((e) => `${e.name}: ${e.closed ?? (e.wrong > 0 ? 'wrong bytes' : 'silent')}`)),
      ],
      ms: Date.now() - startedMs,
    };
  }

  async end(): Promise<void> {
    await this.#session.dispose();
  }

  async #ends(): Promise<Named[]> {
    const { user, server } = this.#streams;
    const reports = await Promise.all([user.reports(), server.reports()]);
    // A server's ends come in the order in which its one client has opened their connections.
    return reports.flatMap(({ server: one, client: other }, which) =>
      [one, other].flatMap((ends) =>
        ends.map((report, i) => ({ ...report, name: `${which === 0 ? 'user' : 'server'} ${String(i)}` })),
      ),
    );
  }
}
