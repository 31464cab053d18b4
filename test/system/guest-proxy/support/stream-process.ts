// One end of a TCP stream whose every byte is known from its offset: a lost, doubled or changed byte is found at once.
import { createServer, connect, type Socket } from 'node:net';
import { serve } from '../../../support/rpc.js';

const CHUNK_BYTES = 400;
let intervalMs = 5;
/** A period that no power of two divides, so that a shifted stream is not taken for the right one. */
const byteAt = (offset: number): number => (offset * 7 + Math.floor(offset / 251)) & 0xff;

interface End {
  socket: Socket;
  sent: number;
  received: number;
  wrong: number;
  lastAtMs: number;
  maxGapMs: number;
  closed: string | null;
  timer: NodeJS.Timeout | null;
}
const ends: End[] = [];

function sendChunk(end: End): void {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let i = 0; i < CHUNK_BYTES; i += 1) chunk[i] = byteAt(end.sent + i);
  end.sent += CHUNK_BYTES;
  end.socket.write(chunk);
}

function take(socket: Socket, sends: boolean): void {
  socket.setNoDelay(true);
  const end: End = {
    socket,
    sent: 0,
    received: 0,
    wrong: 0,
    lastAtMs: performance.now(),
    maxGapMs: 0,
    closed: null,
    timer: sends ? setInterval(() => sendChunk(end), intervalMs) : null,
  };
  ends.push(end);
  socket.on('data', (data) => {
    const now = performance.now();
    end.maxGapMs = Math.max(end.maxGapMs, now - end.lastAtMs);
    end.lastAtMs = now;
    for (const byte of data) {
      if (byte !== byteAt(end.received)) end.wrong += 1;
      end.received += 1;
    }
  });
  socket.on('error', (e) => (end.closed = e.message));
  socket.on('close', () => {
    end.closed ??= 'closed';
    if (end.timer !== null) clearInterval(end.timer);
  });
}

serve({
  start: async (o: {
    role: 'server' | 'client';
    address: string;
    port: number;
    sends: boolean;
    connections?: number;
    everyMs?: number;
  }) => {
    intervalMs = o.everyMs ?? intervalMs;
    if (o.role === 'server') {
      const server = createServer((socket) => take(socket, o.sends));
      await new Promise<void>((resolve) => server.listen(o.port, '0.0.0.0', resolve));
      return;
    }
    for (let i = 0; i < (o.connections ?? 1); i += 1)
      await new Promise<void>((resolve, reject) => {
        const socket = connect(o.port, o.address, () => {
          take(socket, o.sends);
          resolve();
        });
        socket.once('error', reject);
      });
  },
  /** Send once on every connection. */
  say: () => {
    for (const end of ends) sendChunk(end);
  },
  /** Send no more. */
  quiet: () => {
    for (const end of ends) if (end.timer !== null) clearInterval(end.timer);
  },
  /** Begin to measure the longest gap anew. */
  mark: () => {
    for (const end of ends) {
      end.maxGapMs = 0;
      end.lastAtMs = performance.now();
    }
  },
  report: () =>
    ends.map(({ socket, sent, received, wrong, maxGapMs, closed }) => ({
      sent,
      received,
      wrong,
      maxGapMs,
      closed,
      localPort: socket.localPort ?? null,
      remote: socket.remoteAddress ?? null,
    })),
});
