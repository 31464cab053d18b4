// Reads captures, pcap (both byte orders, micro- and nanoseconds) and pcapng, from chunks of bytes of any size as they come. Never
// throws on what it reads: damage ends the reading and is told in `problem`; everything before it has been given out.
import type { RawPacket } from './packet.js';
import { PcapFormat } from './pcap.js';
import { PcapngFormat, SECTION_HEADER } from './pcapng.js';

/** One file format, fed with a buffer; gives how many bytes it took and the packets in them. */
export interface CaptureFormat {
  /** Take whole records from the start of `bytes`. `problem` ends the capture. */
  take(bytes: Uint8Array): { used: number; packets: RawPacket[]; problem?: string };
}

export class CaptureReader {
  /** Why reading ended early, for people; undefined while all is well. */
  problem: string | undefined;
  #format: CaptureFormat | undefined;
  #rest: Uint8Array = new Uint8Array(0);
  #any = false;

  /** Take in the next bytes and give the packets that are complete. */
  push(chunk: Uint8Array): RawPacket[] {
    if (this.problem !== undefined || chunk.length === 0) return [];
    this.#any = true;
    const bytes = this.#rest.length === 0 ? chunk : concatenated(this.#rest, chunk);
    if (this.#format === undefined) {
      if (bytes.length < 4) {
        this.#rest = bytes;
        return [];
      }
      this.#format = formatOf(bytes);
      if (this.#format === undefined) {
        this.problem = 'this is neither a pcap nor a pcapng capture';
        return [];
      }
    }
    const { used, packets, problem } = this.#format.take(bytes);
    this.problem = problem;
    this.#rest = bytes.slice(used);
    return packets;
  }

  /** Tell that no more bytes come: what is left over was cut. */
  end(): void {
    if (this.problem !== undefined) return;
    if (!this.#any) this.problem = 'the capture is empty';
    else if (this.#rest.length > 0) this.problem = 'the capture ends in the middle of a record';
  }
}

function formatOf(bytes: Uint8Array): CaptureFormat | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0) === SECTION_HEADER ? new PcapngFormat() : PcapFormat.detect(view.getUint32(0));
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
