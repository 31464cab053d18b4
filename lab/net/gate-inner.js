// The inner half of a gate (gate.ts): runs in a namespace, takes connections from a unix socket and forwards them to a TCP address.
// Plain JavaScript: it starts at once. Arguments: SOCKET ADDRESS PORT. Says "ready" when it listens.
import { connect, createServer } from 'node:net';

const [socketPath, host, port] = process.argv.slice(2);
createServer({ allowHalfOpen: true }, (outer) => {
  const inner = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
  outer.pipe(inner).pipe(outer);
  outer.on('error', () => inner.destroy());
  inner.on('error', () => outer.destroy());
}).listen(socketPath, () => console.log('ready'));
