// A queue of the kernel (NFQUEUE) for packets that nft has marked. nft has no queue statement in every kernel, so one iptables rule queues
// marked packets. The binding cannot close a queue: one a process.
import { setTimeout as sleep } from 'node:timers/promises';
import nfqueue, { type NfPacket } from 'nfqueue';
import { VmshadowError, messageOf } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';
import { makeRoom } from './queue-room.js';

/** What waits for a listener that is kept from its core for a moment, or for a desktop that stands still: 100 Mbit/s for a second. */
const ROOM_PACKETS = 8_192;
/** For so many at their largest truesize (4 KB at an MTU of 1,500). */
const SOCKET_BYTES = ROOM_PACKETS * 4_096;
/** What a killed worker started (a look at a tap's traffic) may hold its queue for some seconds more. */
const OPEN_TRIES = 40;
const OPEN_RETRY_MS = 250;
/** iptables waits for its lock this long: other programs take it for moments. */
const LOCK_SECONDS = '5';

export interface PacketQueueOptions {
  /** Any number that no other program on the host uses. */
  readonly number: number;
  /** The bit of the packet's mark. */
  readonly mark: number;
  /** Let packets pass while nobody listens (the worker died); else they are dropped. */
  readonly bypass: boolean;
  /** Called by the native binding: must not throw. */
  readonly onPacket: (packet: NfPacket) => void;
}

export class PacketQueue {
  readonly #options: PacketQueueOptions;
  readonly #rule: readonly string[];
  /** Held, so that the binding's object is not collected as garbage. */
  #handler: unknown = null;

  constructor(options: PacketQueueOptions) {
    this.#options = options;
    const mark = `0x${options.mark.toString(16)}`;
    this.#rule = [
      ...['-m', 'mark', '--mark', `${mark}/${mark}`, '-j', 'NFQUEUE', '--queue-num', String(options.number)],
      ...(options.bypass ? ['--queue-bypass'] : []),
    ];
  }

  /** Open the queue and put the rule that feeds it in place; once a process. */
  async open(): Promise<void> {
    if (this.#handler !== null) return;
    const { number, onPacket } = this.#options;
    for (let tries = 1; this.#handler === null; tries++)
      try {
        this.#handler = nfqueue.createQueueHandler(number, SOCKET_BYTES, onPacket);
      } catch (cause) {
        if (tries < OPEN_TRIES) await sleep(OPEN_RETRY_MS);
        else
          throw new VmshadowError(
            'PREREQUISITE',
            `cannot open packet queue ${String(number)} (${messageOf(cause)}): dom0 must run as root, once a host`,
            { cause },
          );
      }
    await makeRoom(number, ROOM_PACKETS);
    await this.keepRule();
  }

  /** Put the rule that feeds the queue in place unless it is; true where it was not. */
  async keepRule(): Promise<boolean> {
    const iptables = ['iptables', '-w', LOCK_SECONDS, '-t', 'raw'] as const;
    const there = await runCommand([...iptables, '-C', 'PREROUTING', ...this.#rule]).then(
      () => true,
      () => false,
    );
    if (!there) await runCommand([...iptables, '-A', 'PREROUTING', ...this.#rule]);
    return !there;
  }
}
