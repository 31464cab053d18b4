// How many packets may wait in a queue of the kernel (NFQUEUE): 1,024 unless its listener asks for more, which the binding cannot. Only the very
// socket that listens may ask, so it is found among this process's: /proc names the listener's port, the port's inode, the inode's descriptor.
import koffi from 'koffi';
import { VmshadowError } from '../../domain/errors.js';
import { descriptorOf, socketTable } from '../../os/own-sockets.js';

/** NETLINK_NETFILTER; as /proc/net/netlink writes it. */
const PROTOCOL = '12';
/** NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG. */
const CONFIG = 0x0302;
const NLM_F_REQUEST = 1;
const NFQA_CFG_QUEUE_MAXLEN = 3;
const MESSAGE_BYTES = 28;

const send = koffi
  .load(null)
  .func('intptr_t send(int fd, const uint8_t *bytes, size_t length, int flags)') as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
) => number;

/** Make the request that gives a queue room for so many packets (struct nlmsghdr, struct nfgenmsg, an attribute). */
function roomRequest(queue: number, packets: number): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  bytes.writeUInt32LE(MESSAGE_BYTES, 0);
  bytes.writeUInt16LE(CONFIG, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST, 6);
  bytes.writeUInt16BE(queue, 18);
  bytes.writeUInt16LE(8, 20);
  bytes.writeUInt16LE(NFQA_CFG_QUEUE_MAXLEN, 22);
  bytes.writeUInt32BE(packets, 24);
  return bytes;
}

/** Give a queue that this process listens to room for so many packets. */
export async function makeRoom(queue: number, packets: number): Promise<void> {
  const port = (await socketTable('netfilter/nfnetlink_queue')).find(([n]) => n === String(queue))?.[1];
  const socket = (await socketTable('netlink')).find((row) => row[1] === PROTOCOL && row[2] === port);
  const inode = socket?.at(-1);
  const fd = inode === undefined ? null : await descriptorOf(inode);
  if (fd === null || send(fd, roomRequest(queue, packets), MESSAGE_BYTES, 0) !== MESSAGE_BYTES)
    throw new VmshadowError('INTERNAL', `packet queue ${String(queue)} cannot be given more room`);
}
