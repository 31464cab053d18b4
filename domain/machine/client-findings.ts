// Judges a thin client, which runs `vmshadow proxy`. Pure.
import { bareAddress, type MachineFacts } from './facts.js';
import { finding, type Finding } from './finding.js';
import { nodeFindings } from './node-version.js';
import { CLIENT_TOOLS, missingTools } from './tools.js';

export interface ClientLook {
  readonly facts: MachineFacts;
  readonly file: string;
  /** Others may read the file, which holds a secret key. */
  readonly readByOthers: boolean;
  /** The kernel lets rules of nft be listed; null where that could not be tried. */
  readonly nftWorks: boolean | null;
  /** The round trip to each site, ms; null: no answer. */
  readonly sites: readonly { readonly site: string; readonly rttMs: number | null }[];
  /** It counts on the desktop's address not being the client's own. */
  readonly external: string;
}

/** All that there is to say of a thin client. */
export function clientFindings(look: ClientLook): Finding[] {
  const { facts, file, sites } = look;
  const silent = sites.filter((s) => s.rttMs === null).map((s) => s.site);
  const own = facts.devices.flatMap((d) => d.addresses.map(bareAddress));
  const found: Finding[] = [
    ...(facts.root
      ? []
      : [finding('problem', 'root', 'the proxy must run as root', 'run it, and this, as root')]),
    ...nodeFindings(facts.node),
    ...missingTools(CLIENT_TOOLS, facts.tools),
  ];
  if (look.readByOthers)
    found.push(
      finding('problem', 'file', `${file} holds a secret key and may be read by others`, `chmod 600 ${file}`),
    );
  if (look.nftWorks === false)
    found.push(
      finding(
        'problem',
        'nft',
        'the kernel has no nftables, by which the proxy keeps connections',
        'modprobe nf_tables, or use a kernel that has it',
      ),
    );
  if (own.includes(look.external))
    found.push(
      finding(
        'problem',
        'address',
        `this machine has the desktop's address, ${look.external}, itself`,
        "use the file on the user's machine, not on the host",
      ),
    );
  if (sites.length > 0 && silent.length === sites.length)
    found.push(
      finding(
        'problem',
        'sites',
        'no site answers over UDP: the desktop is neither reached nor found a better place for',
        "let UDP out to the hosts' probe and control ports, in this machine's firewall and the network's",
      ),
    );
  else
    found.push(
      ...silent.map((site) =>
        finding(
          'warning',
          'sites',
          `${site} does not answer over UDP: desktops are not placed there by this user's round trip`,
          `on its hosts: vmshadow doctor`,
        ),
      ),
      ...sites.flatMap(({ site, rttMs }) =>
        rttMs === null ? [] : [finding('ok', 'sites', `${site} is ${rttMs.toFixed(1)} ms away`)],
      ),
    );
  return found;
}
