// Measures the round trip to each site once, as a thin client's proxy does all the time.
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../domain/model/address.js';
import { Prober } from '../guest-proxy/client/prober.js';
import { decodeControlPacket } from '../guest-proxy/protocol/wire.js';

const WITHIN_MS = 2_000;
const TICK_MS = 20;

/** The nearest answer of each site, ms; null where none came within two seconds. */
export async function probeSites(
  probes: readonly { site: string; endpoint: Endpoint }[],
): Promise<{ site: string; rttMs: number | null }[]> {
  const socket = createSocket('udp4');
  // A port that nobody listens at may be told by ICMP: that is no answer, either.
  socket.on('error', () => undefined);
  const prober = new Prober(
    probes,
    (bytes, { port, address }) => socket.send(bytes, port, address, () => undefined),
    () => undefined,
  );
  socket.on('message', (bytes, { address, port }) => {
    const reply = decodeControlPacket(bytes);
    if (reply?.kind === 'probeReply') prober.receive(reply, { address, port }, performance.now());
  });
  const sites = [...new Set(probes.map((p) => p.site))];
  try {
    const untilMs = performance.now() + WITHIN_MS;
    while (performance.now() < untilMs && prober.results(performance.now()).length < sites.length) {
      prober.tick(performance.now());
      await sleep(TICK_MS);
    }
    const results = prober.results(performance.now());
    return sites.map((site) => ({ site, rttMs: results.find((r) => r.site === site)?.rttMs ?? null }));
  } finally {
    socket.close();
  }
}
