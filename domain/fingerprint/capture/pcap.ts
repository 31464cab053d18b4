// The classic capture format (draft-ietf-opsawg-pcap):
//
//   file:   magic 4 | version 2+2 | zone 4 | accuracy 4 | snaplen 4 | link type 4 (upper bits: flags)
//   record: seconds 4 | fraction 4 | captured 4 | original 4 | bytes ...
import type { CaptureFormat } from './capture-reader.js';
import type { RawPacket } from './packet.js';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Records of the "modified" format (A. Kuznetzov's patch): behind the same fields interface 4 | protocol 2 | packet type 1 | padding 1. */
const MODIFIED_RECORD_HEADER_BYTES = 24;
/** libpcap's own limit; a longer record means that the reader is lost. */
export const MAX_RECORD_BYTES = 262_144;

const MAGICS = new Map([
  [0xa1b2c3d4, { little: false, perSecond: 1e6, recordHeader: RECORD_HEADER_BYTES }],
  [0xd4c3b2a1, { little: true, perSecond: 1e6, recordHeader: RECORD_HEADER_BYTES }],
  [0xa1b23c4d, { little: false, perSecond: 1e9, recordHeader: RECORD_HEADER_BYTES }],
  [0x4d3cb2a1, { little: true, perSecond: 1e9, recordHeader: RECORD_HEADER_BYTES }],
  [0xa1b2cd34, { little: false, perSecond: 1e6, recordHeader: MODIFIED_RECORD_HEADER_BYTES }],
  [0x34cdb2a1, { little: true, perSecond: 1e6, recordHeader: MODIFIED_RECORD_HEADER_BYTES }],
]);

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
    const kind = MAGICS.get(magic);
    return kind === undefined ? undefined : new PcapFormat(kind.little, kind.perSecond, kind.recordHeader);
  }

  /** Take the file header and whole records. */
  take(bytes: Uint8Array): { used: number; packets: RawPacket[]; problem?: string } {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packets: RawPacket[] = [];
    let at = 0;
    if (this.#linkType === undefined) {
      if (bytes.length < FILE_HEADER_BYTES) return { used: 0, packets };
      this.#linkType = view.getUint32(20, this.#little) & 0xffff;
      at = FILE_HEADER_BYTES;
    }
    while (at + this.#recordHeader <= bytes.length) {
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
