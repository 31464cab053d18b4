// Sees the answers to proofs of flows' paths (protocol/path-proof.ts) as they come to this machine: a packet socket with a filter of the
// kernel's (classic BPF), since such an answer is for no socket: the client's rules drop it where it has been seen. Linux only.
import { constants } from 'node:os';
import koffi from 'koffi';
import { ipv4ToNumber } from '../../domain/model/address.js';
import { ANSWER_BYTES, ANSWER_MAGIC } from '../protocol/path-proof.js';
import { payloadOf, readPacket } from '../relay/packet.js';
import { rawSocketError } from './raw-socket.js';

const AF_PACKET = 17;
/** Without the link's header. */
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
/** ETH_P_IP in network byte order. */
const IPV4 = 0x0008;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const PACKET_BYTES = 128;
/** What one look takes at most: answers to all flows that a person's programs have open. */
const PACKETS_A_LOOK = 4_096;
/** Room for them until the next look: the kernel counts up to some 2 KB for a small packet, and its default holds a few hundred. */
const BUFFER_BYTES = 4 * 2 ** 20;

const Filter = koffi.struct('sock_fprog', { length: 'uint16_t', program: 'uint8_t *' });
const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number;
const attach = libc.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(Filter), 'uint32_t']) as (
  fd: number,
  level: number,
  option: number,
  filter: { length: number; program: Buffer },
  length: number,
) => number;
const setNumber = libc.func(
  'int setsockopt(int fd, int level, int option, const int *value, uint32_t length)',
) as (fd: number, level: number, option: number, value: readonly [number], length: number) => number;
const recv = libc.func('intptr_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)') as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
) => number;
const closeFd = libc.func('int close(int fd)') as (fd: number) => number;

/** What is seen by a look: an answer that came from a port of the desktop. */
export interface SeenAnswer {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly content: Buffer;
}

/** Instructions of classic BPF (linux/filter.h): IPv4 from `from`, TCP without options or UDP, with an answer's magic. */
function answerFilter(from: string): Buffer {
  const [first, second] = [ANSWER_MAGIC.readUInt32BE(0), ANSWER_MAGIC.readUInt32BE(4)];
  /** [operation, where true, where false (instructions further on), operand] */
  const program: readonly (readonly [number, number, number, number])[] = [
    [0xb1, 0, 0, 0], // x = length of the IP header
    [0x20, 0, 0, 12], // a = source
    [0x15, 0, 12, ipv4ToNumber(from)],
    [0x30, 0, 0, 9], // a = protocol
    [0x15, 0, 4, 6], // TCP
    [0x40, 0, 0, 20], // a = [x + 20]
    [0x15, 0, 8, first],
    [0x40, 0, 0, 24],
    [0x15, 5, 6, second],
    [0x15, 0, 5, 17], // UDP
    [0x40, 0, 0, 8],
    [0x15, 0, 3, first],
    [0x40, 0, 0, 12],
    [0x15, 0, 1, second],
    [0x06, 0, 0, PACKET_BYTES], // take it
    [0x06, 0, 0, 0], // leave it
  ];
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([operation, yes, no, operand], i) => {
    bytes.writeUInt16LE(operation, i * 8);
    bytes.writeUInt8(yes, i * 8 + 2);
    bytes.writeUInt8(no, i * 8 + 3);
    bytes.writeUInt32LE(operand, i * 8 + 4);
  });
  return bytes;
}

export class AnswerSocket {
  #fd: number;

  /** See answers that come from `from` from now on. Needs CAP_NET_RAW. */
  constructor(from: string) {
    this.#fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPV4);
    if (this.#fd < 0) throw rawSocketError('socket', koffi.errno());
    const program = answerFilter(from);
    if (attach(this.#fd, SOL_SOCKET, SO_ATTACH_FILTER, { length: program.length / 8, program }, 16) < 0) {
      const errno = koffi.errno();
      this.close();
      throw rawSocketError('setsockopt', errno);
    }
    // Without CAP_NET_ADMIN fewer answers have room at a time, and the others are asked for again.
    setNumber(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, [BUFFER_BYTES], 4);
  }

  /** The answers that have come since the last look. */
  read(): SeenAnswer[] {
    const seen: SeenAnswer[] = [];
    const bytes = Buffer.alloc(PACKET_BYTES);
    for (let i = 0; i < PACKETS_A_LOOK; i += 1) {
      const length = recv(this.#fd, bytes, bytes.length, 0);
      if (length < 0) {
        const errno = koffi.errno();
        if (errno === constants.errno.EAGAIN || errno === constants.errno.ENETDOWN) break;
        throw rawSocketError('socket', errno);
      }
      const packet = Buffer.from(bytes.subarray(0, length));
      const read = readPacket(packet, 'in');
      const content = read === null ? null : payloadOf(packet);
      if (read === null || content?.length !== ANSWER_BYTES) continue;
      const { protocol, peer } = read.flow;
      seen.push({ protocol, port: peer.port, content });
    }
    return seen;
  }

  /** Close it; again does nothing. */
  close(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }
}
