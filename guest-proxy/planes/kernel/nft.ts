// Runs nft.
import { runCommand } from '../../../os/run-command.js';

/** A rule change takes milliseconds; a kernel that needs longer than this has lost the request. */
const TIMEOUT_MS = 10_000;

/** Apply nftables text as one transaction: all of it or, with COMMAND, nothing. */
export async function applyNft(text: string): Promise<void> {
  await runCommand(['nft', '-f', '-'], { input: text, timeoutMs: TIMEOUT_MS });
}

/** Read a table back, stateless: what anybody else has changed shows; null where it is gone. */
export async function readTable(table: string, ...flags: readonly string[]): Promise<string | null> {
  const tables = await runCommand(['nft', 'list', 'tables', 'ip'], { timeoutMs: TIMEOUT_MS });
  if (!tables.split('\n').includes(`table ip ${table}`)) return null;
  return runCommand(['nft', '-s', ...flags, 'list', 'table', 'ip', table], { timeoutMs: TIMEOUT_MS });
}

/** List a set as JSON. */
export function listSet(table: string, set: string): Promise<string> {
  return runCommand(['nft', '-j', 'list', 'set', 'ip', table, set], { timeoutMs: TIMEOUT_MS });
}
