// Sends whole IP packets through a raw socket of protocol 255 (IPPROTO_RAW: it only sends). Needs CAP_NET_RAW.
// Two traits of the binding shape this: its sockets are collected as garbage while they send, unless somebody holds them; and its callbacks
// do not run promise reactions, so that a packet sent after awaiting another would wait for the next timer.
import raw, { type RawSocket } from 'raw-socket';
import { PUNCH_MARK } from '../rules/client-nft.js';

const IPPROTO_RAW = 255;
/** asm-generic/socket.h; the binding names only some options. */
const SOL_SOCKET = 1;
const SO_MARK = 36;

/** Sockets that are sending: held here against the garbage collector. */
const sending = new Set<RawSocket>();

/** Send the packets to their destinations, in order; rejects with the first error of the kernel. */
export async function sendRaw(packets: readonly { destination: string; bytes: Buffer }[]): Promise<void> {
  if (packets.length === 0) return;
  const socket = raw.createSocket({ protocol: IPPROTO_RAW });
  sending.add(socket);
  try {
    socket.on('error', () => undefined); // each send reports its own error
    socket.setOption(raw.SocketLevel.IPPROTO_IP, raw.SocketOption.IP_HDRINCL, 1);
    socket.setOption(SOL_SOCKET, SO_MARK, PUNCH_MARK);
    await Promise.all(
      packets.map(
        ({ destination, bytes }) =>
          new Promise<void>((resolve, reject) => {
            socket.send(bytes, 0, bytes.length, destination, (error) => {
              setImmediate(() => {
                if (error === null) resolve();
                else reject(error);
              });
            });
          }),
      ),
    );
  } finally {
    sending.delete(socket);
    socket.close();
  }
}
