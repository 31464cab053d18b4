// Judges a machine that is, or is to become, a host by its configuration: what does not work, why, and what to do. Pure.
import type { CloudConfig } from '../model/cloud.js';
import { DEFAULT_QEMU_USER, type Dom0Config } from '../model/dom0.js';
import { CERTIFICATE_WARNING_DAYS } from '../model/keys.js';
import type { ClosedByFirewall, HostFacts, KeyFacts } from './facts.js';
import { finding, type Finding } from './finding.js';
import { networkFindings, rangeFindings } from './network-findings.js';
import { portConflicts } from './ports.js';
import { HOST_TOOLS, missingTools } from './tools.js';
import { nodeFindings } from './node-version.js';

export interface HostLook {
  readonly facts: HostFacts;
  readonly config: Dom0Config;
  readonly firewall: readonly ClosedByFirewall[];
  readonly keys: KeyFacts;
  /** Where the machine has it too. */
  readonly cloud: CloudConfig | null;
}

/** QEMU 10 has what verifies a disk (`blockdev-set-active`), and the machine types that desktops have unless told otherwise. */
const LEAST_QEMU = 10;

/** All that there is to say of a host. */
export function hostFindings(look: HostLook): Finding[] {
  const { facts, config } = look;
  return [
    ...(facts.root ? [] : [finding('problem', 'root', 'dom0 must run as root', 'run it, and this, as root')]),
    ...nodeFindings(facts.node),
    ...missingTools(HOST_TOOLS, facts.tools),
    ...qemuFindings(facts, config),
    ...networkFindings(facts, config),
    ...rangeFindings(facts, look.cloud),
    ...portConflicts(config, facts.sockets),
    ...look.firewall.map(({ words, remedy }) => finding('problem', 'firewall', words, ...remedy, PERMANENT)),
    ...serviceFindings(facts),
    ...roomFindings(facts, config),
    ...keyFindings(look),
    ...(look.cloud === null ? [] : cloudFindings(config, look.cloud)),
  ];
}

const PERMANENT =
  "and have that firewall's own configuration do the same, or it is gone with its next reload";

function qemuFindings(facts: HostFacts, { accel, qemuUser }: Dom0Config): Finding[] {
  const { qemuVersion, accelerator, kvmDevice } = facts;
  const found: Finding[] = [];
  if (qemuVersion !== null) {
    if (Number.parseInt(qemuVersion, 10) < LEAST_QEMU)
      found.push(
        finding(
          'problem',
          'qemu',
          `QEMU is ${qemuVersion}, expected ${String(LEAST_QEMU)} or newer`,
          "install it from your distribution's backports (Debian 12: `apt-get install -t bookworm-backports qemu-system-x86 qemu-utils`)",
        ),
      );
    else found.push(finding('ok', 'qemu', `QEMU ${qemuVersion}`));
  }
  if (accelerator === 'kvm') found.push(finding('ok', 'kvm', 'KVM boots guests'));
  if (accelerator === 'tcg')
    found.push(
      accel === 'kvm'
        ? finding(
            'problem',
            'kvm',
            'KVM boots no guest here, and `accel: kvm` asks for it',
            'enable virtualization in the firmware (or nested virtualization at the provider), or set `accel: auto`',
          )
        : kvmDevice
          ? finding(
              'warning',
              'kvm',
              `there is a /dev/kvm, but no guest boots with it in time as ${qemuUser}: guests are emulated`,
              `usermod -aG kvm ${qemuUser}`,
              'where that is done already: the virtualization of this machine is itself emulated, or incomplete',
            )
          : finding('note', 'kvm', 'there is no KVM: guests are emulated, many times slower'),
    );
  if (!facts.qemuUser)
    found.push(
      finding(
        qemuUser === DEFAULT_QEMU_USER ? 'warning' : 'problem',
        'qemu-user',
        `there is no user ${qemuUser}: ${qemuUser === DEFAULT_QEMU_USER ? 'QEMU would run as root' : 'dom0 does not start'}`,
        `useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${qemuUser}`,
        ...(kvmDevice ? [`usermod -aG kvm ${qemuUser}`] : []),
      ),
    );
  return found;
}

function serviceFindings({ services }: HostFacts): Finding[] {
  const found: Finding[] = [];
  if (services.includes('NetworkManager'))
    found.push(
      finding(
        'note',
        'service:NetworkManager',
        'NetworkManager runs: it must leave the taps of desktops alone',
        "printf '[keyfile]\\nunmanaged-devices=interface-name:vs-*;interface-name:vh-*\\n' > /etc/NetworkManager/conf.d/vmshadow.conf && systemctl reload NetworkManager",
      ),
    );
  if (services.includes('systemd-networkd'))
    found.push(
      finding(
        'note',
        'service:systemd-networkd',
        "systemd-networkd runs: it takes desktops' addresses off the uplink when it restarts (dom0 puts them back within seconds)",
        'set `KeepConfiguration=yes` in the .network file of the uplink',
      ),
    );
  for (const service of ['ufw', 'firewalld', 'docker', 'libvirtd'] as const)
    if (services.includes(service))
      found.push(finding('note', `service:${service}`, `${service} runs; its rules were looked at above`));
  return found;
}

function roomFindings({ cores, resources, volatile }: HostFacts, config: Dom0Config): Finding[] {
  const { capacity, stateDir } = config;
  const { disk, memory } = resources;
  const found: Finding[] = [];
  if (volatile)
    found.push(
      finding(
        'warning',
        'disk',
        `stateDir ${stateDir} is in memory (${disk.fileSystem}): desktops are gone with a reboot`,
        'set `stateDir` in dom0.yaml to a folder on a disk',
      ),
    );
  if (capacity.memoryMiB > memory.totalMiB)
    found.push(
      finding(
        'warning',
        'memory',
        `capacity.memoryMiB is ${String(capacity.memoryMiB)}, the machine has ${String(memory.totalMiB)} MiB; the smaller counts`,
      ),
    );
  if (capacity.diskMiB > disk.totalMiB)
    found.push(
      finding(
        'warning',
        'disk',
        `capacity.diskMiB is ${String(capacity.diskMiB)}, ${disk.fileSystem} has ${String(disk.totalMiB)} MiB; the smaller counts`,
      ),
    );
  if (capacity.slots > config.externalPool.length)
    found.push(
      finding(
        'warning',
        'external-pool',
        `there are ${String(capacity.slots)} slots and ${String(config.externalPool.length)} external addresses: no more desktops than addresses fit`,
        'add addresses to externalPool',
      ),
    );
  return [
    ...found,
    finding(
      'ok',
      'room',
      `${String(cores)} cores, ${String(memory.totalMiB)} MiB of memory (${String(memory.availableMiB)} available), ${String(disk.freeMiB)} MiB free of ${String(disk.totalMiB)} in ${disk.fileSystem}`,
    ),
  ];
}

function keyFindings({ keys, config }: HostLook): Finding[] {
  const name = `${config.site}/${config.host}`;
  const issue = `where the cloud's authority is: vmshadow keys issue ${name} --address ${config.peer.address}`;
  const copy = `copy keys/hosts/${name}/* to ${config.pkiDir} of this machine`;
  if (keys.problem !== null) return [finding('problem', 'keys', keys.problem, issue, copy)];
  const found: Finding[] = [];
  if (!keys.namesPeer)
    found.push(
      finding(
        'problem',
        'keys',
        `the certificate does not name ${config.peer.address}, at which peers reach this host: they would refuse it`,
        issue,
        copy,
      ),
    );
  if (keys.daysLeft !== null && keys.daysLeft < CERTIFICATE_WARNING_DAYS)
    found.push(
      finding(
        keys.daysLeft < 0 ? 'problem' : 'warning',
        'keys',
        `the certificate ${keys.daysLeft < 0 ? 'has ended' : `ends in ${String(keys.daysLeft)} days`}`,
        `where the cloud's authority is: vmshadow keys renew ${name}`,
        copy,
      ),
    );
  return found.length > 0 ? found : [finding('ok', 'keys', 'certificate and identity are there')];
}

/** The same host as dom0.yaml and vmshadow.yaml have it. */
function cloudFindings(config: Dom0Config, cloud: CloudConfig): Finding[] {
  const host = cloud.sites.find((s) => s.id === config.site)?.hosts.find((h) => h.id === config.host);
  if (host === undefined)
    return [
      finding(
        'problem',
        'cloud',
        `vmshadow.yaml has no host ${config.site}/${config.host}: nobody asks for its reports`,
        'add it to vmshadow.yaml (`vmshadow host init --dry-run` prints what it needs) and restart the manager',
      ),
    ];
  return (['peer', 'probe'] as const)
    .filter((end) => host[end].address !== config[end].address || host[end].port !== config[end].port)
    .map((end) =>
      finding(
        'problem',
        'cloud',
        `${end} is ${host[end].address}:${String(host[end].port)} in vmshadow.yaml and ${config[end].address}:${String(config[end].port)} in dom0.yaml`,
        'correct the one that is wrong, and restart what reads it',
      ),
    );
}
