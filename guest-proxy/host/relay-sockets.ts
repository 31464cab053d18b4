// The sockets of a host's relays: UDP between hosts, and a raw one for packets that go on to a desktop or leave for a peer.
import { createSocket, type Socket } from 'node:dgram';
import { messageOf } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { Logger } from '../logger.js';
import { RawSocket } from '../punch/raw-socket.js';
import { makeReceiveRoom } from './receive-room.js';

/** Bursts of several connections at a WAN's rate, and what comes while this process is kept from its core. */
const BUFFER_BYTES = 8 * 2 ** 20;
/** Of a kind of error that comes with each packet one is said now and then. */
const SAY_EVERY_MS = 60_000;

export class RelaySockets {
  readonly #endpoint: Endpoint;
  readonly #logger: Logger;
  readonly #onPacket: (bytes: Buffer, from: Endpoint) => void;
  #udp: Socket | null = null;
  #raw: RawSocket | null = null;
  #saidAtMs = -Infinity;
  /** Packets that the kernel had no room for. */
  dropped = 0;

  constructor(endpoint: Endpoint, logger: Logger, onPacket: (bytes: Buffer, from: Endpoint) => void) {
    this.#endpoint = endpoint;
    this.#logger = logger;
    this.#onPacket = onPacket;
  }

  async open(): Promise<void> {
    this.#raw = new RawSocket({ bufferBytes: BUFFER_BYTES });
    const udp = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    this.#udp = udp;
    udp.on('message', (bytes, { address, port }) => {
      // Nobody can be answered there, and Node throws at it.
      if (port !== 0) this.#onPacket(bytes, { address, port });
    });
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(this.#endpoint.port, this.#endpoint.address, () => {
        udp.off('error', reject);
        udp.on('error', (error) => this.#say(error));
        resolve();
      });
    });
    if (!(await makeReceiveRoom(this.#endpoint, BUFFER_BYTES)))
      this.#logger.warn({}, 'relayed packets have no more room than net.core.rmem_max: bursts may be lost');
  }

  close(): void {
    this.#udp?.close();
    this.#raw?.close();
    this.#udp = this.#raw = null;
  }

  send(bytes: Buffer, to: Endpoint): void {
    try {
      this.#udp?.send(bytes, to.port, to.address, (error) => {
        if (error !== null) this.#say(error);
      });
    } catch (error) {
      this.#say(error);
    }
  }

  /** Hand a whole IP packet to the kernel; what it has no room for is lost, as on any link. */
  sendRaw(packet: Buffer, destination: string): void {
    try {
      if (this.#raw?.send(packet, destination) === false) this.dropped += 1;
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    this.dropped += 1;
    if (performance.now() - this.#saidAtMs < SAY_EVERY_MS) return;
    this.#saidAtMs = performance.now();
    this.#logger.warn(
      { error: messageOf(error), dropped: this.dropped },
      'a relayed packet could not be sent',
    );
  }
}
