// ICMP echo by the system's ping, which has the right to raw sockets and knows every address family.
import { runCommand } from './run-command.js';

/** Three a fifth of a second apart: the middle one is neither the first (ARP, caches) nor an outlier. */
const COUNT = '3';
const INTERVAL_S = '0.2';
const WAIT_S = '1';

/** Measure the median round trip to an address, ms; null when nobody answers or ping is not there. */
export async function ping(address: string): Promise<number | null> {
  const out = await runCommand(['ping', '-n', '-c', COUNT, '-i', INTERVAL_S, '-W', WAIT_S, address], {
    timeoutMs: 5_000,
  }).catch(() => '');
  return medianOfReplies(out);
}

/** Read ping's replies; null when there are none. */
export function medianOfReplies(output: string): number | null {
  const times = [...output.matchAll(/ time=([\d.]+) ms/g)].map((m) => Number(m[1])).sort((a, b) => a - b);
  return times[Math.floor((times.length - 1) / 2)] ?? null;
}
