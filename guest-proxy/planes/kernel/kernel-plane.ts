// The default plane: rules are nftables maps in the kernel, applied in one atomic transaction each.
import { runCommand } from '../../../os/run-command.js';
import { clientTable, renderClientRemoval, renderClientRules } from '../../rules/client-nft.js';
import { HOST_TABLE, renderHeld, renderHostRemoval, renderHostRules } from '../../rules/host-rules.js';
import type { ClientPlane, HostPlane } from '../plane.js';

/** A rule change takes milliseconds; a kernel that needs longer than this has lost the request. */
const NFT_TIMEOUT_MS = 10_000;

/** Apply nftables text as one transaction: all of it or, with COMMAND, nothing. */
async function applyNft(text: string): Promise<void> {
  await runCommand(['nft', '-f', '-'], { input: text, timeoutMs: NFT_TIMEOUT_MS });
}

/** Read a table back, stateless: what anybody else has changed shows; null where it is gone. */
async function readTable(table: string): Promise<string | null> {
  const tables = await runCommand(['nft', 'list', 'tables', 'ip'], { timeoutMs: NFT_TIMEOUT_MS });
  if (!tables.split('\n').includes(`table ip ${table}`)) return null;
  return runCommand(['nft', '-s', 'list', 'table', 'ip', table], { timeoutMs: NFT_TIMEOUT_MS });
}

export const kernelClientPlane: ClientPlane = {
  apply: (desktop, rules) => applyNft(renderClientRules(desktop, rules)),
  remove: (desktop) => applyNft(renderClientRemoval(desktop)),
  standing: (desktop) => readTable(clientTable(desktop)),
};

export const kernelHostPlane: HostPlane = {
  apply: (rules, options) =>
    applyNft((options?.afresh === true ? renderHostRemoval() : '') + renderHostRules(rules)),
  setHeld: (external, held) => applyNft(renderHeld(external, held)),
  standing: () => readTable(HOST_TABLE),
};
