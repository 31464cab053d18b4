// Reads captures, pcap (both byte orders, micro- and nanoseconds) and pcapng, from chunks of bytes of any size as they come. Never
// throws on what it reads: damage ends the reading and is told in `problem`; everything before it has been given out.
import { SECTION_HEADER } from './file-headers.js';
import type { RawPacket } from './packet.js';
import { PcapFormat } from './pcap.js';
import { PcapngFormat } from './pcapng.js';

/** One file format, fed with a buffer; gives how many bytes it took and the packets in them. */
export interface CaptureFormat {
  /** Packets that carry no time. */
  readonly timeless?: number;
  /** In the middle of something that is not read, however long. */
  readonly isPassing?: boolean;
  /** Take whole records from the start of `bytes`. */
  take(bytes: Uint8Array): Taken;
}

export interface Taken {
  readonly used: number;
  readonly packets: RawPacket[];
  /** What ends the capture. */
  readonly problem?: string;
  /** Another capture follows, of this format or the other: files that were put one behind the other. */
  readonly ended?: boolean;
}

export class CaptureReader {
  /** Why reading ended early, for people; undefined while all is well. */
  problem: string | undefined;
  #format: CaptureFormat | undefined;
  #rest: Uint8Array = new Uint8Array(0);
  #any = false;
  #timelessBefore = 0;

  /** Packets that carry no time (pcapng's simple packet blocks): counted, not given out. */
  get timeless(): number {
    return this.#timelessBefore + (this.#format?.timeless ?? 0);
  }

  /** Take in the next bytes and give the packets that are complete. */
  push(chunk: Uint8Array): RawPacket[] {
    if (this.problem !== undefined || chunk.length === 0) return [];
    this.#any = true;
    const packets: RawPacket[] = [];
    let bytes = this.#rest.length === 0 ? chunk : concatenated(this.#rest, chunk);
    for (let more = true; more;) {
      if (this.#format === undefined && bytes.length >= 4) {
        this.#format = formatOf(bytes);
        if (this.#format === undefined) {
          this.problem = nameOf(bytes);
          return packets;
        }
      }
      if (this.#format === undefined) break;
      const taken = this.#format.take(bytes);
      for (const p of taken.packets) packets.push(p);
      this.problem = taken.problem;
      bytes = bytes.subarray(taken.used);
      more = taken.ended === true;
      if (!more) continue;
      this.#timelessBefore = this.timeless;
      this.#format = undefined;
    }
    this.#rest = bytes.slice();
    return packets;
  }

  /** Tell that no more bytes come: what is left over was cut. */
  end(): void {
    if (this.problem !== undefined) return;
    if (!this.#any) this.problem = 'the capture is empty';
    else if (this.#rest.length > 0 || this.#format?.isPassing === true)
      this.problem = 'the capture ends in the middle of a record';
  }
}

function formatOf(bytes: Uint8Array): CaptureFormat | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0) === SECTION_HEADER ? new PcapngFormat() : PcapFormat.detect(view.getUint32(0));
}

/** Files that people take for pcap, by how they begin, and what makes one of them. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['736e6f6f70000000', 'a snoop capture; `editcap -F pcap FILE NEW` converts it'],
  ['54525349464620', 'a Sniffer capture; `editcap -F pcap FILE NEW` converts it'],
  ['52545353', 'a Network Monitor 1 capture; `editcap -F pcap FILE NEW` converts it'],
  ['474d4255', 'a Network Monitor capture; `editcap -F pcap FILE NEW` converts it'],
  ['aaaaaaaa', 'a 5Views capture; `editcap -F pcap FILE NEW` converts it'],
  ['58435000', 'a NetXRay capture; `editcap -F pcap FILE NEW` converts it'],
  ['a1e2cb12', 'a pcap capture of a kind that is not read; `editcap -F pcap FILE NEW` converts it'],
  ['12cbe2a1', 'a pcap capture of a kind that is not read; `editcap -F pcap FILE NEW` converts it'],
  ['1c0001ac', 'an IXIA capture; `editcap -F pcap FILE NEW` converts it'],
  ['1c0001ab', 'an IXIA capture; `editcap -F pcap FILE NEW` converts it'],
  ['1f8b', 'compressed with gzip within what was unpacked; unpack it first'],
  ['28b52ffd', 'compressed with zstd; `zstd -d` unpacks it'],
  ['fd377a585a00', 'compressed with xz; `unxz` unpacks it'],
  ['425a68', 'compressed with bzip2; `bunzip2` unpacks it'],
  ['04224d18', 'compressed with lz4; `unlz4` unpacks it'],
  ['504b0304', 'a ZIP archive; unpack it first'],
  ['13efface', 'an Event Tracing capture; `etl2pcapng` converts it'],
];

function nameOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes.subarray(0, 8), (x) => x.toString(16).padStart(2, '0')).join('');
  const known = OTHERS.find(([start]) => hex.startsWith(start));
  if (known !== undefined) return `this is ${known[1]}`;
  const text = bytes.subarray(0, 64).every((x) => (x >= 32 && x < 127) || x === 9 || x === 10 || x === 13);
  return `this is neither a pcap nor a pcapng capture${text ? ', but text: `tcpdump -w FILE` writes a capture, its printed output is none' : ''}`;
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
