// The guest's agent (Debian's qemu-guest-agent), over a port of the guest's that is a socket here. All that comes from it is a guest's word:
// so many bytes, for so long, of such a shape; what is anything else counts as no answer. Nobody waits for an agent who has anything else to do.
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { GuestAddress, MOST_GUEST_ADDRESSES } from '../../../domain/model/address.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { messageOf } from '../../../domain/errors.js';
import type { QemuHost } from './qemu-host.js';

/** An agent answers in ms; one of an emulated guest on a busy machine within some hundred. */
const PATIENCE_MS = 5_000;
/** A guest with a hundred network cards tells less. */
const MOST_BYTES = 262_144;
/** What an agent says before its answer to guest-sync-delimited, and what makes it forget half a command. */
const DELIMITER = 0xff;

/** Beyond what a number holds to the last digit: to the microsecond is enough. */
const Nanoseconds = z.number().positive();
const Interfaces = z
  .array(
    z.object({
      name: z.string(),
      'ip-addresses': z.array(z.object({ 'ip-address': GuestAddress })).default([]),
    }),
  )
  .max(1_000);
const Answer = z.object({ return: z.unknown() });

/** Set the guest's clock to this host's; gives by how many ms it was behind, null where no agent answers. Never fails. */
export const setGuestClock = (host: QemuHost, id: DesktopId): Promise<number | null> =>
  withAgent(host, id, setClock(host.now), (why) =>
    host.log.info({ desktop: id, why }, "the guest's agent has not answered: its clock is not set"),
  );

/** The addresses that the guest says it has, but for its loopback's; null where no agent answers. Never fails. */
export const guestAddresses = (host: QemuHost, id: DesktopId): Promise<string[] | null> =>
  // Asked again and again: silence is no news.
  withAgent(host, id, readAddresses, () => undefined);

/** Set the clock at an agent to the one here, ms since 1970; gives by how many ms it was behind. */
export function setClock(now: () => number) {
  return async (agent: Agent): Promise<number> => {
    const askedAtMs = now();
    const guestNs = Nanoseconds.parse(await agent.ask('guest-get-time'));
    const nowMs = (askedAtMs + now()) / 2;
    await agent.ask('guest-set-time', { time: now() * 1e6 });
    return Math.round(nowMs - guestNs / 1e6);
  };
}

/** Read the addresses of all network cards but the loopback at an agent. */
export async function readAddresses(agent: Agent): Promise<string[]> {
  const interfaces = Interfaces.parse(await agent.ask('guest-network-get-interfaces'));
  return interfaces
    .filter(({ name }) => name !== 'lo')
    .flatMap((card) => card['ip-addresses'].map((address) => address['ip-address']))
    .slice(0, MOST_GUEST_ADDRESSES);
}

async function withAgent<T>(
  host: QemuHost,
  id: DesktopId,
  work: (agent: Agent) => Promise<T>,
  onSilence: (why: string) => void,
): Promise<T | null> {
  try {
    const { definition, copy } = await host.desktop(id);
    if (definition.guestAgent !== true) return null;
    const { agent } = host.layout.copy(id, copy);
    // QEMU serves one of us at a time.
    return await host.locked(`agent of ${id}`, () => askAgent(agent, work));
  } catch (error) {
    onSilence(messageOf(error));
    return null;
  }
}

/** Work with the agent at a socket; throws where it does not answer as an agent does. */
export async function askAgent<T>(
  path: string,
  work: (agent: Agent) => Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const agent = new Agent(path, patienceMs);
  try {
    // What is sent while the guest runs no agent waits for one that comes later. So nothing is sent that does something before one has answered.
    await agent.synchronize();
    return await work(agent);
  } finally {
    agent.close();
  }
}

class Agent {
  readonly #socket: Socket;
  #heard: Buffer[] = [];
  #bytes = 0;
  #failed: Error | null = null;
  #wake: () => void = () => undefined;

  constructor(path: string, patienceMs: number) {
    this.#socket = connect(path);
    const timer = setTimeout(
      () => this.#socket.destroy(new Error(`no answer within ${String(patienceMs)} ms`)),
      patienceMs,
    );
    this.#socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > MOST_BYTES) {
        this.#socket.destroy(new Error(`more than ${String(MOST_BYTES)} bytes`));
        return;
      }
      this.#heard.push(chunk);
      if (chunk.includes('\n')) this.#wake();
    });
    this.#socket.on('error', (error) => (this.#failed = error));
    this.#socket.on('close', () => {
      clearTimeout(timer);
      this.#failed ??= new Error('the connection was closed');
      this.#wake();
    });
  }

  /** See that an agent is there, and let go of what it still had to say to somebody before. */
  async synchronize(): Promise<void> {
    const id = randomInt(2 ** 31);
    this.#socket.write(Buffer.of(DELIMITER));
    this.#send('guest-sync-delimited', { id });
    for (;;) {
      const line = await this.#line();
      const answer = line.includes(DELIMITER) ? line.subarray(line.lastIndexOf(DELIMITER) + 1) : null;
      if (answer !== null && parse(answer) === id) return;
    }
  }

  /** One command; its answer as it came, whatever it is. */
  async ask(command: string, args?: object): Promise<unknown> {
    this.#send(command, args);
    return parse(await this.#line());
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(command: string, args?: object): void {
    this.#socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }) })}\n`);
  }

  async #line(): Promise<Buffer> {
    for (;;) {
      const heard = Buffer.concat(this.#heard);
      const end = heard.indexOf('\n');
      if (end >= 0) {
        this.#heard = [heard.subarray(end + 1)];
        return heard.subarray(0, end);
      }
      if (this.#failed !== null) throw this.#failed;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** What an agent returns; throws for an error of its, with what it says. */
function parse(line: Buffer): unknown {
  const text = line.toString('utf8');
  const answer = Answer.safeParse(JSON.parse(text));
  if (answer.success && 'return' in answer.data) return answer.data.return;
  throw new Error(`it says ${text.slice(0, 200)}`);
}
