// The default plane: rules are nftables maps in the kernel, applied in one atomic transaction each.
import { clientTable, renderClientRemoval, renderClientRules } from '../../rules/client-nft.js';
import { HOST_TABLE, renderHeld, renderHostRemoval, renderHostRules } from '../../rules/host-rules.js';
import type { ClientPlane, HostPlane } from '../plane.js';
import { applyNft, readTable } from './nft.js';

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
