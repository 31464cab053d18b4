// How much may wait in a UDP socket: Node asks for no more than net.core.rmem_max, a few hundred packets on many systems; root may ask for more.
import koffi from 'koffi';
import { type Endpoint, ipv4Bytes } from '../../domain/model/address.js';
import { descriptorOf, socketTable } from '../../os/own-sockets.js';

const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const ADDRESS = 1;
const INODE = 9;

const setsockopt = koffi
  .load(null)
  .func('int setsockopt(int fd, int level, int option, const int *value, uint32_t length)') as (
  fd: number,
  level: number,
  option: number,
  value: readonly [number],
  length: number,
) => number;

/** An address as /proc/net/udp writes it. */
function inTable({ address, port }: Endpoint): string {
  const hex = Buffer.from(ipv4Bytes(address)).reverse().toString('hex');
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** Let so many bytes wait in the UDP socket of this process that is bound to an endpoint; false where that may not be. */
export async function makeReceiveRoom(bound: Endpoint, bytes: number): Promise<boolean> {
  const inode = (await socketTable('udp')).find((row) => row[ADDRESS] === inTable(bound))?.[INODE];
  const fd = inode === undefined ? null : await descriptorOf(inode);
  return fd !== null && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, [bytes], 4) === 0;
}
