// One end of a stream of numbered datagrams: what did not come, or not in its turn, is counted, and when what came is known.
import { createSocket } from 'node:dgram';
import { serve } from '../../test/support/rpc.js';
import { Arrivals } from './arrivals.js';

const INTERVAL_MS = 5;
const BYTES = 200;
const arrivals = new Arrivals();
let sent = 0;
let received = 0;
let reordered = 0;
let highest = -1;
let sending: NodeJS.Timeout | null = null;

export interface EndOptions {
  readonly role: 'desktop' | 'client';
  readonly address: string;
  readonly port: number;
}

export interface EndState {
  readonly sent: number;
  readonly received: number;
  readonly reordered: number;
  readonly closed: string | null;
}

function begin(send: (record: Buffer) => void): void {
  sending ??= setInterval(() => {
    const record = Buffer.alloc(BYTES);
    record.writeUInt32BE(sent++);
    send(record);
  }, INTERVAL_MS);
}

serve({
  // Connected at the client: the user's proxy follows such sockets alone.
  start: async ({ role, address, port }: EndOptions) => {
    const socket = createSocket('udp4');
    socket.on('message', (record, from) => {
      if (role === 'desktop') begin((bytes) => socket.send(bytes, from.port, from.address));
      const number = record.readUInt32BE();
      received += 1;
      if (number < highest) reordered += 1;
      highest = Math.max(highest, number);
      arrivals.note();
    });
    if (role === 'desktop') await new Promise<void>((done) => socket.bind(port, done));
    else {
      await new Promise<void>((done) => socket.connect(port, address, done));
      begin((record) => socket.send(record));
    }
  },
  pid: () => process.pid,
  quiet: () => {
    if (sending !== null) clearInterval(sending);
  },
  around: (fromMs: number, resumedMs: number) => arrivals.around(fromMs, resumedMs),
  state: (): EndState => ({ sent, received, reordered, closed: null }),
});
