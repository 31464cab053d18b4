// The kernel's list of the desktops' open flows (rules/flow-list.ts): put in place, and read.
import { applyNft, listSet, readTable } from '../planes/kernel/nft.js';
import type { RelayedFlow } from '../relay/flow.js';
import { FLOW_TABLE, parseFlowList, renderFlowList, renderUnlisted } from '../rules/flow-list.js';

/** How the table looks when it is whole, without what it has listed; null: not read yet. */
let whole: string | null = null;

const standing = () => readTable(FLOW_TABLE, '-t');

/** Put the list in place unless it is; true where it was not as this process left it. */
export async function keepFlowList(): Promise<boolean> {
  const known = whole;
  if (known !== null && (await standing()) === known) return false;
  await applyNft(renderFlowList());
  whole = await standing();
  return known !== null;
}

/** The open flows of the desktop with this internal address. */
export async function listFlows(internal: string): Promise<RelayedFlow[]> {
  return parseFlowList(await listSet(FLOW_TABLE, 'open'), internal);
}

/** Forget the open flows of the desktop with this internal address: what becomes of them is not seen here any more. */
export async function forgetFlows(internal: string): Promise<void> {
  await applyNft(renderUnlisted(internal, await listFlows(internal)));
}
