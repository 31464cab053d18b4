// Judges a machine that runs a manager (or commands) of a cloud. Pure.
import type { CloudConfig } from '../model/cloud.js';
import type { MachineFacts } from './facts.js';
import { finding, type Finding } from './finding.js';
import { nodeFindings } from './node-version.js';

export interface ManagerLook {
  readonly facts: MachineFacts;
  readonly cloud: CloudConfig;
  /** What is wrong with `geoDatabase`; null: nothing. */
  readonly geoProblem: string | null;
  readonly control: ControlLook;
}

/** What the control plane says of itself. */
export interface ControlLook {
  /** Why Temporal is not reached; null: it is. */
  readonly temporalProblem: string | null;
  /** Why the loop says nothing; null: it does. */
  readonly loopProblem: string | null;
  /** Hosts that did not report, with why. */
  readonly silent: readonly { readonly host: string; readonly problem: string }[];
}

/** All that there is to say of a manager. */
export function managerFindings({ facts, cloud, geoProblem, control }: ManagerLook): Finding[] {
  const hosts = cloud.sites.reduce((n, site) => n + site.hosts.length, 0);
  return [
    ...nodeFindings(facts.node),
    finding('ok', 'cloud', `${String(cloud.sites.length)} sites, ${String(hosts)} hosts`),
    ...addressFindings(cloud),
    ...(geoProblem === null
      ? []
      : [
          finding(
            'problem',
            'geo-database',
            `geoDatabase ${cloud.geoDatabase ?? ''} cannot be read: ${geoProblem}`,
            'correct or remove `geoDatabase` in vmshadow.yaml',
          ),
        ]),
    ...controlFindings(control),
  ];
}

/** What is said of the control plane, by hosts and managers alike. */
export function controlFindings({ temporalProblem, loopProblem, silent }: ControlLook): Finding[] {
  if (temporalProblem !== null)
    return [
      finding(
        'problem',
        'temporal',
        temporalProblem,
        'where the server is another one: TEMPORAL_ADDRESS=ADDRESS:PORT in the environment (for the units: in /etc/vmshadow/environment)',
      ),
    ];
  if (loopProblem !== null)
    return [
      finding('ok', 'temporal', 'Temporal answers'),
      finding('problem', 'loop', loopProblem, 'start a manager: vmshadow manager --config vmshadow.yaml'),
    ];
  return [
    finding('ok', 'temporal', 'Temporal and the shadow loop answer'),
    ...silent.map(({ host, problem }) =>
      finding('problem', 'host', `${host} is silent: ${problem}`, `on that machine: vmshadow doctor`),
    ),
  ];
}

/** Two hosts cannot be reached at one address and port. */
function addressFindings({ sites }: CloudConfig): Finding[] {
  const all = sites.flatMap((s) => s.hosts.map((h) => ({ name: `${s.id}/${h.id}`, ...h })));
  return (['peer', 'probe'] as const).flatMap((end) =>
    all.flatMap((host, i) => {
      const twin = all
        .slice(0, i)
        .find((o) => o[end].address === host[end].address && o[end].port === host[end].port);
      return twin === undefined
        ? []
        : [
            finding(
              'problem',
              'cloud',
              `${twin.name} and ${host.name} have one ${end}, ${host[end].address}:${String(host[end].port)}`,
              'correct vmshadow.yaml: each host is a machine of its own',
            ),
          ];
    }),
  );
}
