// A dom0.yaml with every setting and what it means, for people to change.
import type { Dom0Config } from '../../domain/model/dom0.js';

/** Comments stand in one column, or in a second one where the setting is long. */
const COLUMNS = [30, 46];

const line = (text: string, comment: string) => {
  const column = COLUMNS.find((c) => text.length < c) ?? text.length + 1;
  return `${text.padEnd(column)}# ${comment}`;
};

/** As it is where YAML takes it for a text of its own, else in quotes. */
const scalar = (text: string) =>
  /^[a-zA-Z/][\w./-]*$/.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text);
const RESERVED = /^(true|false|yes|no|on|off|null|y|n)$/i;
const endpoint = ({ address, port }: Dom0Config['peer']) => `{ address: ${address}, port: ${String(port)} }`;

/** Write a configuration down; `remark` stands in its first line. */
export function renderDom0(config: Dom0Config, remark: string): string {
  const { capacity, migrationPorts, growth } = config;
  const name = `${config.site}/${config.host}`;
  const images = config.images.map(scalar).join(', ');
  return `${[
    `# dom0.yaml: one host. ${remark}`,
    line(`site: ${scalar(config.site)}`, 'as in vmshadow.yaml: site and host, peer and probe'),
    `host: ${scalar(config.host)}`,
    line(`peer: ${endpoint(config.peer)}`, 'where the other hosts reach this dom0 (TCP, TLS)'),
    line(`probe: ${endpoint(config.probe)}`, 'where RTT probes are answered (UDP)'),
    '',
    line(`uplink: ${scalar(config.uplink)}`, 'the network device towards the users and the other sites'),
    line(
      'externalPool:',
      'addresses that desktops here are reached at, one a desktop: routed to this host, used by nobody else',
    ),
    ...config.externalPool.map((address) => `  - ${address}`),
    '',
    line('capacity:', 'the most that desktops here take together; less where the machine has less'),
    line(`  slots: ${String(capacity.slots)}`, 'desktops'),
    `  vcpus: ${String(capacity.vcpus)}`,
    `  memoryMiB: ${String(capacity.memoryMiB)}`,
    `  diskMiB: ${String(capacity.diskMiB)}`,
    '',
    line(
      `stateDir: ${scalar(config.stateDir)}`,
      'disks, definitions, ownership records: on a disk that survives a reboot',
    ),
    line(`runDir: ${scalar(config.runDir)}`, 'sockets and pid files; at most 60 characters'),
    line(
      `imageDir: ${scalar(config.imageDir)}`,
      'images, kernels and initrds; relative names are looked for here',
    ),
    line(
      `pkiDir: ${scalar(config.pkiDir)}`,
      `the folder that \`vmshadow keys issue ${name}\` made, copied here`,
    ),
    line(`identityFile: ${scalar(config.identityFile)}`, 'in the same folder'),
    '',
    '# All that follows may be left out; these are the defaults.',
    line(
      `controlPort: ${String(config.controlPort)}`,
      'of the connection proxy, on each external address (UDP)',
    ),
    line(
      `relayPort: ${String(config.relayPort)}`,
      'where other hosts send packets of connections that go on over an old site (UDP)',
    ),
    line(
      `relayLimitMinutes: ${String(config.relayLimitMinutes)}`,
      'an address that a desktop has left is kept for such connections at most so long',
    ),
    line(
      `migrationPorts: { first: ${String(migrationPorts.first)}, last: ${String(migrationPorts.last)} }`,
      'on which moves arrive: two for each move at a time (TCP)',
    ),
    line(
      `growth: { disk: ${String(growth.disk)}, memory: ${String(growth.memory)} }`,
      'the share kept free of what the desktops here may still grow by',
    ),
    line(`images: [${images}]`, 'other folders that images, kernels and initrds may lie in'),
    line(`qemuUser: ${scalar(config.qemuUser)}`, 'as whom QEMU runs: a name, or UID:GID'),
    line(`accel: ${config.accel}`, 'kvm, tcg (emulation), or kvm where the machine has it'),
    line(
      `shapeUplink: ${String(config.shapeUplink)}`,
      'hold the cap of moves on the wire too (htb at the uplink)',
    ),
    line(
      `movesMbps: ${String(config.movesMbps)}`,
      'what all moves away from here may take of it together; null: each its own cap',
    ),
    line(
      `transfer: ${config.transfer}`,
      'moves to this host: relay (fewer bytes; the source must know it too) or direct (QEMU to QEMU)',
    ),
    line(`cacheMiB: ${String(config.cacheMiB)}`, "room of the relays' site cache"),
  ].join('\n')}\n`;
}
