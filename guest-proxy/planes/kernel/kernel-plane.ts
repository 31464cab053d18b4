// The default plane: rules are nftables maps in the kernel, applied in one atomic transaction each.
import { runCommand } from '../../../os/run-command.js';
import { renderClientRemoval, renderClientRules } from '../../rules/client-nft.js';
import { renderHeld, renderHostRemoval, renderHostRules } from '../../rules/host-rules.js';
import type { ClientPlane, HostPlane } from '../plane.js';

/** A rule change takes milliseconds; a kernel that needs longer than this has lost the request. */
const NFT_TIMEOUT_MS = 10_000;

/** Apply nftables text as one transaction: all of it or, with COMMAND, nothing. */
async function applyNft(text: string): Promise<void> {
  await runCommand(['nft', '-f', '-'], { input: text, timeoutMs: NFT_TIMEOUT_MS });
}

export const kernelClientPlane: ClientPlane = {
  apply: (desktop, rules) => applyNft(renderClientRules(desktop, rules)),
  remove: (desktop) => applyNft(renderClientRemoval(desktop)),
};

export const kernelHostPlane: HostPlane = {
  apply: (rules, options) =>
    applyNft((options?.afresh === true ? renderHostRemoval() : '') + renderHostRules(rules)),
  setHeld: (external, held) => applyNft(renderHeld(external, held)),
};
