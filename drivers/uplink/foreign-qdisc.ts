// Looks for traffic control at the uplink that somebody else has set up: moves cannot be capped there (./rate-cap), and are refused.
import { foreignQdiscWords, removeQdisc } from '../../domain/machine/network-findings.js';
import type { Dom0Config } from '../../domain/model/dom0.js';
import { runCommand } from '../../os/run-command.js';
import { parseForeignQdiscs } from '../machine/parse.js';

/** What is in the way of caps, with the command that takes it away; nothing where the operator shapes elsewhere. */
export async function foreignQdisc({
  uplink,
  shapeUplink,
}: Pick<Dom0Config, 'uplink' | 'shapeUplink'>): Promise<{ words: string; remedy: string[] }[]> {
  if (!shapeUplink) return [];
  // Asked for one device, tc leaves out which it is.
  const kind = parseForeignQdiscs(await runCommand(['tc', '-j', 'qdisc', 'show']))[uplink];
  return kind === undefined
    ? []
    : [{ words: foreignQdiscWords(uplink, kind), remedy: [removeQdisc(uplink)] }];
}
