// The classic capture format (draft-ietf-opsawg-pcap):
//
//   file:   magic 4 | version 2+2 | zone 4 | accuracy 4 | snaplen 4 | link type 4 (upper bits: flags)
//   record: seconds 4 | fraction 4 | captured 4 | original 4 | bytes ...
import type { CaptureFormat, Taken } from './capture-reader.js';
import { anotherCapture, FILE_HEADER_BYTES, PCAP_MAGICS } from './file-headers.js';
import { MAX_RECORD_BYTES, type RawPacket } from './packet.js';

export class PcapFormat implements CaptureFormat {
  readonly #little: boolean;
  readonly #perSecond: number;
  readonly #recordHeader: number;
  #linkType: number | undefined;

  constructor(little: boolean, perSecond: number, recordHeader: number) {
    this.#little = little;
    this.#perSecond = perSecond;
    this.#recordHeader = recordHeader;
  }

  /** Give a reader for the file's first four bytes, big endian; undefined when they are no pcap magic. */
  static detect(magic: number): PcapFormat | undefined {
    const kind = PCAP_MAGICS.get(magic);
    return kind === undefined ? undefined : new PcapFormat(kind.little, kind.perSecond, kind.recordHeader);
  }

  /** Take the file header and whole records. */
  take(bytes: Uint8Array): Taken {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packets: RawPacket[] = [];
    let at = 0;
    if (this.#linkType === undefined) {
      if (bytes.length < FILE_HEADER_BYTES) return { used: 0, packets };
      this.#linkType = view.getUint32(20, this.#little) & 0xffff;
      at = FILE_HEADER_BYTES;
    }
    while (at + this.#recordHeader <= bytes.length) {
      const another = anotherCapture(view, at);
      if (another === 'later') break;
      if (another) return { used: at, packets, ended: true };
      const captured = view.getUint32(at + 8, this.#little);
      if (captured > MAX_RECORD_BYTES)
        return { used: at, packets, problem: `damaged: a record of ${captured} bytes` };
      const start = at + this.#recordHeader;
      if (start + captured > bytes.length) break;
      packets.push({
        timeMs:
          view.getUint32(at, this.#little) * 1000 +
          (view.getUint32(at + 4, this.#little) / this.#perSecond) * 1000,
        linkType: this.#linkType,
        bytes: bytes.subarray(start, start + captured),
        wireBytes: Math.max(captured, view.getUint32(at + 12, this.#little)),
      });
      at = start + captured;
    }
    return { used: at, packets };
  }
}
