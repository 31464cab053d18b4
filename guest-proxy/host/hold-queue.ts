// Packets for a paused desktop, kept in order by the kernel's NFQUEUE until the switchover has decided where they go.
// Bound: 8,192 packets in all (packet-queue.ts); what comes after them is dropped and sent again by its TCP.
// Without a listener (the worker died) the rule lets packets pass: `--queue-bypass`.
import nfqueue, { type NfPacket } from 'nfqueue';
import { HOLD_MARK } from '../rules/host-rules.js';
import { PacketQueue } from './packet-queue.js';

const QUEUE_NUMBER = 7_946;
const DESTINATION = { start: 16, end: 20 };

export class HoldQueue {
  readonly #held = new Map<string, NfPacket[]>();
  readonly #divert: (packet: Buffer) => boolean;
  readonly #queue = new PacketQueue({
    number: QUEUE_NUMBER,
    mark: HOLD_MARK,
    bypass: true,
    onPacket: (packet) => this.#receive(packet),
  });

  /** `divert` may take a packet that is no longer held (true): it goes another way than the rules'. It must not throw. */
  constructor(divert: (packet: Buffer) => boolean) {
    this.#divert = divert;
  }

  /** Open the queue and put the rule that feeds it in place; once a process. */
  open(): Promise<void> {
    return this.#queue.open();
  }

  /** Put the rule that feeds the queue in place unless it is; true where it was not. */
  keepRule(): Promise<boolean> {
    return this.#queue.keepRule();
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
    for (const packet of packets) this.#letGo(packet);
    return packets.length;
  }

  #receive(packet: NfPacket): void {
    const destination = [...packet.payload.subarray(DESTINATION.start, DESTINATION.end)].join('.');
    const kept = this.#held.get(destination);
    if (kept === undefined) this.#letGo(packet);
    else kept.push(packet);
  }

  #letGo(packet: NfPacket): void {
    packet.setVerdict(this.#divert(packet.payload) ? nfqueue.NF_DROP : nfqueue.NF_ACCEPT);
  }
}
