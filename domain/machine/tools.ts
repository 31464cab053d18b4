// Programs and files that a machine needs of its distribution, with Debian's packages.
import { finding, type Finding } from './finding.js';

interface Tool {
  /** A program's name, or a file's path. */
  readonly name: string;
  readonly package: string;
  /** What does not work without it; null: nothing does. */
  readonly without: string | null;
}

const tool = (name: string, pack: string, without: string | null = null): Tool => ({
  name,
  package: pack,
  without,
});

export const HOST_TOOLS: readonly Tool[] = [
  tool('qemu-system-x86_64', 'qemu-system-x86'),
  tool('qemu-img', 'qemu-utils'),
  tool('qemu-storage-daemon', 'qemu-utils'),
  tool('ip', 'iproute2'),
  tool('tc', 'iproute2'),
  tool('ss', 'iproute2'),
  tool('nft', 'nftables'),
  tool('iptables', 'iptables'),
  tool('setpriv', 'util-linux'),
  tool('tcpdump', 'tcpdump'),
  tool('ping', 'iputils-ping'),
  tool('nbdcopy', 'libnbd-bin', 'disks cannot be compared after a move'),
  tool('dnsmasq', 'dnsmasq-base', 'desktops get no address by DHCP and need a fixed one'),
  tool('arping', 'iputils-arping', 'routers learn late where a desktop has gone'),
  tool('swtpm', 'swtpm', 'desktops with `tpm: true` do not start'),
  tool('/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf', 'desktops with `firmware: uefi` do not start'),
];

export const CLIENT_TOOLS: readonly Tool[] = [tool('nft', 'nftables'), tool('setpriv', 'util-linux')];

/** One finding a package that is missing. */
export function missingTools(wanted: readonly Tool[], there: readonly string[]): Finding[] {
  const missing = wanted.filter((t) => !there.includes(t.name));
  return [...new Set(missing.map((t) => t.package))].map((pack) => {
    const of = missing.filter((t) => t.package === pack);
    const names = of.map((t) => t.name).join(', ');
    const without = of.map((t) => t.without).find((w) => w !== null) ?? null;
    return finding(
      without === null ? 'problem' : 'warning',
      `package:${pack}`,
      `${names} ${of.length === 1 ? 'is' : 'are'} not installed${without === null ? '' : `: ${without}`}`,
      `apt-get install ${pack}`,
    );
  });
}
