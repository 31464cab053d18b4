// What is moved in a row of the handoff bench, and the connection to it.
import {
  CLIENT,
  DESKTOP,
  DESKTOP_PORT,
  type HostName,
  type Lab,
} from '../../test/system/guest-proxy/support/lab.js';
import type { DesktopSession } from '../../test/system/guest-proxy/support/session.js';
import type { Helper } from '../../test/support/rpc.js';
import type { EndOptions } from './end-process.js';
import { MovedGuest } from './guest.js';

/** TCP, where the client speaks and is answered, or where the desktop speaks by itself; datagrams of both. */
export const KINDS = ['tcp-client', 'tcp-desktop', 'udp'] as const;
export type Kind = (typeof KINDS)[number];

const GUEST_STREAM = new URL('guest-stream-process.ts', import.meta.url);
const DATAGRAMS = new URL('end-process.ts', import.meta.url);
/** The desktop speaks so often, ms. */
const EVERY_MS = 5;

/** What is done just before a desktop stops, and when it has: all of it may still be under way then. */
export interface AroundStop {
  readonly before: () => Promise<void>;
  readonly after: () => Promise<void>;
}

interface Moved {
  /** Stop it and bring it to a host; give when it was stopped. */
  bring(to: HostName, around: AroundStop): Promise<number>;
  /** Let it run there; give since when it does. */
  resume(): Promise<number>;
  end(): Promise<void>;
}

/** A program for a desktop, whose cable goes from one host to the other: datagrams know no state of the kernel that a pause would keep. */
class StoppedProgram implements Moved {
  readonly #lab: Lab;
  readonly #pid: number;
  #at: HostName = 'a';

  constructor(lab: Lab, pid: number) {
    this.#lab = lab;
    this.#pid = pid;
  }

  async bring(to: HostName, { before, after }: AroundStop): Promise<number> {
    await before();
    process.kill(this.#pid, 'SIGSTOP');
    const stoppedMs = Date.now();
    await this.#lab.unplug(this.#at);
    this.#at = to;
    await after();
    return stoppedMs;
  }

  async resume(): Promise<number> {
    await this.#lab.plug(this.#at);
    process.kill(this.#pid, 'SIGCONT');
    return Date.now();
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}

export interface Actors {
  readonly moved: Moved;
  /** The connection's ends that are asked; the client's first. */
  readonly ends: readonly [Helper, ...Helper[]];
}

/** Put a desktop there and open a connection of a kind to it. */
export async function actorsOf({ lab, at, external }: DesktopSession, kind: Kind): Promise<Actors> {
  if (kind !== 'udp') {
    const moved = await MovedGuest.boot(lab, at);
    const to = { host: external, port: DESKTOP_PORT, intervalMs: kind === 'tcp-client' ? 0 : EVERY_MS };
    return { moved, ends: [await lab.start(CLIENT, GUEST_STREAM.href, to)] };
  }
  const end = (role: EndOptions['role']): EndOptions => ({ role, address: external, port: DESKTOP_PORT });
  const desktop = await lab.start(DESKTOP, DATAGRAMS.href, end('desktop'));
  const client = await lab.start(CLIENT, DATAGRAMS.href, end('client'));
  return { moved: new StoppedProgram(lab, await desktop.call<number>('pid')), ends: [client, desktop] };
}
