// A raw socket of protocol 255 (IPPROTO_RAW: it only sends), by calls into the C library (koffi: prebuilt for every Node). Linux only.
// A send never waits: while the kernel has no room for the packet, it says so.
import { ipv4Bytes } from '../../domain/model/address.js';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { VmshadowError } from '../../domain/errors.js';

const AF_INET = 2;
const SOCK_RAW = 3;
/** Other programs that dom0 starts must not inherit it. */
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
const IPPROTO_RAW = 255;
const IP_HDRINCL = 3;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_SNDBUFFORCE = 32;
const MSG_DONTWAIT = 0x40;
const SOCKADDR_BYTES = 16;
const { EACCES, EAGAIN, ENOBUFS, EPERM } = constants.errno;

type Call = 'socket' | 'setsockopt' | 'sendto';

// Of this process itself, which the C library is part of: no name of a file, which differs between systems.
const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number;
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int option, const int *value, uint32_t length)',
) as (fd: number, level: number, option: number, value: readonly [number], length: number) => number;
const sendto = libc.func(
  'intptr_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t addressLength)',
) as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number;
const closeFd = libc.func('int close(int fd)') as (fd: number) => number;

/** Say what a failed call means: PREREQUISITE where the process lacks a capability, NETWORK where a packet cannot leave. */
export function rawSocketError(call: Call, errno: number, destination = ''): VmshadowError {
  const name = getSystemErrorName(-errno);
  if (call === 'sendto')
    return new VmshadowError(
      'NETWORK',
      `cannot send a raw packet to ${destination} (${name}): ${
        errno === EPERM ? 'a rule of this machine drops it' : 'look at its routes and its devices'
      }`,
    );
  if (errno === EPERM || errno === EACCES)
    return new VmshadowError(
      'PREREQUISITE',
      `cannot ${call === 'socket' ? 'open' : 'mark'} a raw socket (${name}): run as root, or give the process CAP_NET_RAW and CAP_NET_ADMIN`,
    );
  return new VmshadowError('INTERNAL', `${call} of a raw socket failed (${name})`);
}

/** struct sockaddr_in; a raw socket has no port. */
function socketAddress(address: string): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.set(ipv4Bytes(address), 4);
  return bytes;
}

export class RawSocket {
  #fd: number;

  /** Open one; its packets bear the firewall mark `mark`, and so many bytes of them may be under way. Needs CAP_NET_RAW, and CAP_NET_ADMIN for either. */
  constructor({ mark, bufferBytes }: { mark?: number; bufferBytes?: number } = {}) {
    this.#fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (this.#fd < 0) throw rawSocketError('socket', koffi.errno());
    try {
      this.#set(IPPROTO_IP, IP_HDRINCL, 1);
      if (mark !== undefined) this.#set(SOL_SOCKET, SO_MARK, mark);
      if (bufferBytes !== undefined) this.#set(SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #set(level: number, option: number, value: number): void {
    if (setsockopt(this.#fd, level, option, [value], 4) < 0)
      throw rawSocketError('setsockopt', koffi.errno());
  }

  /** Hand a whole IP packet to the kernel; false when its buffer is full for now, NETWORK when it cannot be sent. */
  send(bytes: Buffer, destination: string): boolean {
    const address = socketAddress(destination);
    if (sendto(this.#fd, bytes, bytes.length, MSG_DONTWAIT, address, SOCKADDR_BYTES) >= 0) return true;
    const errno = koffi.errno();
    if (errno === EAGAIN || errno === ENOBUFS) return false;
    throw rawSocketError('sendto', errno, destination);
  }

  /** Close it; again does nothing. */
  close(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }
}
