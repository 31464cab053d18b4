// One end of an established session: seals and opens messages (XChaCha20-Poly1305), numbers them, refuses replays.
// Each direction has its own key, so the counter alone makes a nonce unique; the packet's header is authenticated with it.
import { ReplayWindow } from './replay-window.js';
import { pathKey } from './path-proof.js';
import sodium, { bufferOf } from './sodium.js';
import { type Data, dataHeader } from './wire.js';
import { type Direction, type Message, decodeMessage, encodeMessage } from './messages.js';

export interface SessionKeys {
  /** 8 bytes, chosen by the host. */
  readonly id: Buffer;
  readonly receive: Buffer;
  readonly transmit: Buffer;
}

const TAG_BYTES = 16;
const NONCE_BYTES = 24;

function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(counter), NONCE_BYTES - 8);
  return nonce;
}

export class Session {
  readonly id: Buffer;
  readonly #keys: SessionKeys;
  readonly #incoming: Direction;
  readonly #window = new ReplayWindow();
  #nextCounter = 0;
  /** For proofs of flows' paths. */
  readonly pathKey: Buffer;

  constructor(keys: SessionKeys, end: 'client' | 'host') {
    this.id = keys.id;
    this.pathKey = pathKey(end === 'client' ? keys.transmit : keys.receive);
    this.#keys = keys;
    this.#incoming = end === 'client' ? 'toClient' : 'toHost';
  }

  /** Make the datagram of a message. */
  seal(message: Message): Buffer {
    const header = dataHeader(this.id, this.#nextCounter);
    const plain = encodeMessage(message);
    const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      plain,
      header,
      null,
      nonceOf(this.#nextCounter),
      this.#keys.transmit,
    );
    this.#nextCounter += 1;
    return Buffer.concat([header, sealed]);
  }

  /** Open a packet of this session; null when it is forged, a replay, or no message for this end. `newest`: none later was seen. */
  open(packet: Data): { message: Message; newest: boolean } | null {
    if (!packet.session.equals(this.id) || packet.sealed.length <= TAG_BYTES) return null;
    if (!this.#window.isNew(packet.counter)) return null;
    let plain: Uint8Array;
    try {
      plain = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        null,
        packet.sealed,
        packet.header,
        nonceOf(packet.counter),
        this.#keys.receive,
      );
    } catch {
      return null;
    }
    const newest = this.#window.accept(packet.counter);
    const message = decodeMessage(bufferOf(plain), this.#incoming);
    return message === null ? null : { message, newest };
  }
}
