// The block format (draft-ietf-opsawg-pcapng): sections, each with its byte order and its interfaces, and their packets.
//
//   block: type 4 | length 4 | body ... | length 4        (the length counts the whole block and is a multiple of 4)
import type { CaptureFormat, Taken } from './capture-reader.js';
import { anotherCapture, BYTE_ORDER_MAGIC, SECTION_HEADER } from './file-headers.js';
import { MAX_RECORD_BYTES, type RawPacket } from './packet.js';

const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;
/** A packet with its options; blocks of other kinds (secrets, names, whole files) may be as long as they like: they are passed over. */
const MAX_READ_BYTES = Math.max(2 ** 20, MAX_RECORD_BYTES * 2);
const READ = new Set([INTERFACE, OLD_PACKET, ENHANCED_PACKET]);
/** More interfaces than any capture has: a bound on memory. */
const MAX_INTERFACES = 4_096;

interface Interface {
  readonly linkType: number;
  readonly ticksPerSecond: number;
  readonly offsetSeconds: number;
}

export class PcapngFormat implements CaptureFormat {
  /** Simple packet blocks so far: they carry no time, and so say nothing of a session. */
  timeless = 0;
  #little = true;
  #interfaces: Interface[] = [];
  /** Bytes of a block still to be passed over. */
  #passing = 0;

  /** Tell whether the bytes left over are the rest of a block that was not to be read. */
  get isPassing(): boolean {
    return this.#passing > 0;
  }

  /** Take whole blocks, and as much as there is of a block that is passed over. */
  take(bytes: Uint8Array): Taken {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packets: RawPacket[] = [];
    let at = Math.min(this.#passing, bytes.length);
    this.#passing -= at;
    while (at + 12 <= bytes.length) {
      const begins = view.getUint32(at) === SECTION_HEADER;
      const another = !begins && anotherCapture(view, at);
      if (another === 'later') break;
      if (another) return { used: at, packets, ended: true };
      if (begins) {
        const little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
        if (!little && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC)
          return { used: at, packets, problem: 'damaged: a section without byte order' };
        this.#little = little;
        this.#interfaces = [];
      }
      const length = view.getUint32(at + 4, this.#little);
      const type = begins ? SECTION_HEADER : view.getUint32(at, this.#little);
      if (length < 12 || length % 4 !== 0 || (length > MAX_READ_BYTES && (begins || READ.has(type))))
        return { used: at, packets, problem: `damaged: a block of ${length} bytes` };
      if (at + length > bytes.length) {
        if (length <= MAX_READ_BYTES) break;
        if (type === SIMPLE_PACKET) this.timeless++;
        this.#passing = length - (bytes.length - at);
        return { used: bytes.length, packets };
      }
      if (view.getUint32(at + length - 4, this.#little) !== length)
        return { used: at, packets, problem: 'damaged: a block whose two lengths differ' };
      if (!begins) {
        const body = new DataView(bytes.buffer, bytes.byteOffset + at + 8, length - 12);
        const packet = this.#block(type, body);
        if (packet !== undefined) packets.push(packet);
      }
      at += length;
    }
    return { used: at, packets };
  }

  #block(type: number, body: DataView): RawPacket | undefined {
    if (type === INTERFACE && body.byteLength >= 8) {
      if (this.#interfaces.length < MAX_INTERFACES) this.#interfaces.push(this.#interface(body));
      return undefined;
    }
    if (type === ENHANCED_PACKET && body.byteLength >= 20)
      return this.#packet(body, body.getUint32(0, this.#little), 4, 20);
    if (type === OLD_PACKET && body.byteLength >= 20)
      return this.#packet(body, body.getUint16(0, this.#little), 4, 20);
    if (type === SIMPLE_PACKET) this.timeless++;
    return undefined;
  }

  #packet(body: DataView, id: number, timeAt: number, dataAt: number): RawPacket | undefined {
    const from = this.#interfaces[id];
    const captured = body.getUint32(timeAt + 8, this.#little);
    if (from === undefined || captured > body.byteLength - dataAt) return undefined;
    const ticks = body.getUint32(timeAt, this.#little) * 2 ** 32 + body.getUint32(timeAt + 4, this.#little);
    return {
      timeMs: (ticks / from.ticksPerSecond + from.offsetSeconds) * 1000,
      linkType: from.linkType,
      bytes: new Uint8Array(body.buffer, body.byteOffset + dataAt, captured),
      wireBytes: Math.max(captured, body.getUint32(timeAt + 12, this.#little)),
    };
  }

  #interface(body: DataView): Interface {
    let ticksPerSecond = 1e6;
    let offsetSeconds = 0;
    for (let at = 8; at + 4 <= body.byteLength;) {
      const code = body.getUint16(at, this.#little);
      const size = body.getUint16(at + 2, this.#little);
      if (code === 0 || at + 4 + size > body.byteLength) break;
      if (code === OPTION_RESOLUTION && size >= 1) {
        const exponent = body.getUint8(at + 4);
        ticksPerSecond = exponent & 0x80 ? 2 ** (exponent & 0x7f) : 10 ** exponent;
      }
      if (code === OPTION_OFFSET && size >= 8) offsetSeconds = Number(body.getBigInt64(at + 4, this.#little));
      at += 4 + Math.ceil(size / 4) * 4;
    }
    return {
      linkType: body.getUint16(0, this.#little),
      ticksPerSecond,
      offsetSeconds,
    };
  }
}
