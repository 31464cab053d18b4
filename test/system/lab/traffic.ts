// A TCP sender or receiver for the WAN's system test, run in a namespace: `traffic.ts serve PORT` counts what comes and answers the rate
// of the middle of the transfer; `traffic.ts send HOST PORT SECONDS` sends as fast as it goes.
import { connect, createServer } from 'node:net';

const [role, ...args] = process.argv.slice(2);

if (role === 'serve') {
  createServer((socket) => {
    let first = 0;
    let bytes = 0;
    const samples: { at: number; bytes: number }[] = [];
    socket.on('data', (chunk) => {
      if (first === 0) first = performance.now();
      bytes += chunk.length;
      samples.push({ at: performance.now() - first, bytes });
    });
    socket.on('end', () => {
      // Slow start and the emptying of the queue are left out.
      const end = samples.at(-1)?.at ?? 0;
      const middle = samples.filter((sample) => sample.at > end * 0.4 && sample.at < end * 0.95);
      const [from, to] = [middle[0], middle.at(-1)];
      const mbps =
        from === undefined || to === undefined ? 0 : ((to.bytes - from.bytes) * 8) / 1000 / (to.at - from.at);
      socket.end(JSON.stringify({ mbps, bytes }));
    });
  }).listen(Number(args[0]), () => console.log('ready'));
} else {
  const [host, port, seconds] = args;
  const socket = connect({ host: host ?? '', port: Number(port), allowHalfOpen: true });
  const block = Buffer.alloc(64 * 1024);
  const deadline = performance.now() + Number(seconds) * 1000;
  const send = () => {
    while (performance.now() < deadline) if (!socket.write(block)) return void socket.once('drain', send);
    socket.end();
  };
  socket.on('connect', send);
  socket.on('data', (data) => process.stdout.write(data));
}
