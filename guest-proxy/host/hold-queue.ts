// Packets for a paused desktop, kept in order by the kernel's NFQUEUE until the switchover has decided where they go.
// nft has no queue statement in every kernel, so nft marks the packets (rules/host-rules.ts) and one iptables rule queues marked ones.
// Bound: 1,024 packets in all (the kernel's default queue length); what comes after them is dropped and sent again by its TCP.
// Without a listener (the worker died) the rule lets packets pass: `--queue-bypass`. The binding cannot close a queue: one a process.
import { setTimeout as sleep } from 'node:timers/promises';
import nfqueue, { type NfPacket } from 'nfqueue';
import { VmshadowError, messageOf } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';
import { HOLD_MARK } from '../rules/host-rules.js';

/** Any number that no other program on the host uses. */
const QUEUE_NUMBER = 7_946;
/** Room for all held packets (see above) at their largest truesize (4 KB at an MTU of 1,500). */
const SOCKET_BYTES = 8 * 2 ** 20;
/** What a killed worker started (a look at a tap's traffic) may hold its queue for some seconds more. */
const OPEN_TRIES = 40;
const OPEN_RETRY_MS = 250;
const MARK = `0x${HOLD_MARK.toString(16)}`;
const RULE = [
  ...['-m', 'mark', '--mark', `${MARK}/${MARK}`],
  ...['-j', 'NFQUEUE', '--queue-num', String(QUEUE_NUMBER), '--queue-bypass'],
];
/** iptables waits for its lock this long: other programs take it for moments. */
const LOCK_SECONDS = '5';

const DESTINATION = { start: 16, end: 20 };

export class HoldQueue {
  readonly #held = new Map<string, NfPacket[]>();
  /** Held, so that the binding's object is not collected as garbage. */
  #handler: unknown = null;

  /** Open the queue and put the rule that feeds it in place; once a process. */
  async open(): Promise<void> {
    if (this.#handler !== null) return;
    for (let tries = 1; this.#handler === null; tries++)
      try {
        this.#handler = nfqueue.createQueueHandler(QUEUE_NUMBER, SOCKET_BYTES, (packet) =>
          this.#receive(packet),
        );
      } catch (cause) {
        if (tries < OPEN_TRIES) await sleep(OPEN_RETRY_MS);
        else
          throw new VmshadowError(
            'PREREQUISITE',
            `cannot open packet queue ${QUEUE_NUMBER} (${messageOf(cause)}): dom0 must run as root, once a host`,
            { cause },
          );
      }
    await this.keepRule();
  }

  /** Put the rule that feeds the queue in place unless it is; true where it was not. */
  async keepRule(): Promise<boolean> {
    const iptables = ['iptables', '-w', LOCK_SECONDS, '-t', 'raw'] as const;
    const there = await runCommand([...iptables, '-C', 'PREROUTING', ...RULE]).then(
      () => true,
      () => false,
    );
    if (!there) await runCommand([...iptables, '-A', 'PREROUTING', ...RULE]);
    return !there;
  }

  /** Keep packets for `external` from now on (once they are marked). */
  hold(external: string): void {
    if (!this.#held.has(external)) this.#held.set(external, []);
  }

  /** How many packets are kept for `external`. */
  count(external: string): number {
    return this.#held.get(external)?.length ?? 0;
  }

  /** Let the kept packets go on their way, in order, and keep none any more; give their number. */
  release(external: string): number {
    const packets = this.#held.get(external) ?? [];
    this.#held.delete(external);
    for (const packet of packets) packet.setVerdict(nfqueue.NF_ACCEPT);
    return packets.length;
  }

  /** Called by the native binding: must not throw. */
  #receive(packet: NfPacket): void {
    const destination = [...packet.payload.subarray(DESTINATION.start, DESTINATION.end)].join('.');
    const kept = this.#held.get(destination);
    if (kept === undefined) packet.setVerdict(nfqueue.NF_ACCEPT);
    else kept.push(packet);
  }
}
