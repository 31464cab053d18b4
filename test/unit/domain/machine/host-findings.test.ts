import type { HostFacts, ListeningSocket } from '../../../../domain/machine/facts.js';
import { hasProblem } from '../../../../domain/machine/finding.js';
import { hostFindings, type HostLook } from '../../../../domain/machine/host-findings.js';
import { CloudConfig } from '../../../../domain/model/cloud.js';
import { Dom0Config } from '../../../../domain/model/dom0.js';
import { ALL_TOOLS, CONFIG_INPUT, FACTS, KEYS, LOOK } from './facts.js';

const bad = (look: Partial<HostLook>) =>
  hostFindings({ ...LOOK, ...look }).filter((f) => f.level === 'problem' || f.level === 'warning');
const withFacts = (facts: Partial<HostFacts>) => ({ facts: { ...FACTS, ...facts } });
const withConfig = (config: object) => ({ config: Dom0Config.parse({ ...CONFIG_INPUT, ...config }) });
const listens = (
  protocol: 'tcp' | 'udp',
  port: number,
  address = '0.0.0.0',
  more: Partial<ListeningSocket> = {},
) => ({ sockets: [{ protocol, address, port, program: 'dockerd', ours: false, ...more }] });
const device = (name: string, ...addresses: string[]) => ({
  devices: [...FACTS.devices, { name, up: true, addresses }],
});
const without = (...tools: string[]) => ({ tools: ALL_TOOLS.filter((t) => !tools.includes(t)) });
const cloud = (host: object, more: object = {}) => ({
  cloud: CloudConfig.parse({
    sites: [
      {
        id: 'us-west',
        kind: 'regional',
        hosts: [{ id: 'h1', peer: CONFIG_INPUT.peer, probe: CONFIG_INPUT.probe, ...host }],
      },
    ],
    ...more,
  }),
});

describe('a host', () => {
  it('has nothing wrong where nothing is', () => {
    expect(bad({})).toEqual([]);
    expect(bad(cloud({}))).toEqual([]);
  });

  it.each<[string, Partial<HostLook>, string, RegExp, RegExp]>([
    ['nobody but root', withFacts({ root: false }), 'root', /as root/, /as root/],
    ['an old Node', withFacts({ node: '18.20.1' }), 'node', /18\.20\.1/, /install/],
    [
      'no QEMU',
      withFacts(without('qemu-system-x86_64')),
      'package:qemu-system-x86',
      /not installed/,
      /apt-get install qemu-system-x86$/,
    ],
    [
      'two programs of one package',
      withFacts(without('qemu-img', 'qemu-storage-daemon')),
      'package:qemu-utils',
      /qemu-img, qemu-storage-daemon are/,
      /apt-get install qemu-utils$/,
    ],
    ['a QEMU that is too old', withFacts({ qemuVersion: '7.2.19' }), 'qemu', /7\.2\.19/, /backports/],
    [
      'no uplink of that name',
      withConfig({ uplink: 'ens3' }),
      'uplink',
      /no network device ens3.*eth0/,
      /uplink/,
    ],
    [
      'an uplink that is down',
      withFacts({ devices: [{ ...FACTS.devices[1]!, up: false }] }),
      'uplink',
      /is down/,
      /ip link set eth0 up/,
    ],
    [
      "a peer address that is not the machine's",
      withConfig({ peer: { address: '198.51.100.9', port: 7947 } }),
      'address',
      /198\.51\.100\.9.*it has 192\.0\.2\.11/,
      /peer/,
    ],
    [
      "desktops' addresses that are its own",
      withConfig({ externalPool: ['192.0.2.11', '192.0.2.102'] }),
      'external-pool',
      /192\.0\.2\.11 of externalPool is/,
      /nobody else/,
    ],
    [
      "desktops' addresses of another device",
      withFacts(device('eth1', '192.0.2.102/32')),
      'external-pool',
      /192\.0\.2\.102/,
      /nobody else/,
    ],
    [
      "somebody's traffic control",
      withFacts({ foreignQdiscs: { eth0: 'htb' } }),
      'qdisc',
      /traffic control of eth0 \(htb\)/,
      /shapeUplink/,
    ],
    [
      "a network in the desktops' inner range",
      withFacts(device('lan', '10.77.3.1/24')),
      'internal-range',
      /lan is in 10\.77\.3\.1\/24/,
      /internalRange/,
    ],
    [
      "a network around the desktops' inner range",
      withFacts(device('vpn', '10.1.2.3/8')),
      'internal-range',
      /10\.0\.0\.0|10\.1\.2\.3\/8/,
      /internalRange/,
    ],
    [
      'a peer port of another program',
      withFacts(listens('tcp', 7947)),
      'port',
      /TCP 7947 .*dockerd/,
      /`peer`/,
    ],
    [
      'a probe port of another program, at that address',
      withFacts(listens('udp', 7948, '192.0.2.11')),
      'port',
      /UDP 7948/,
      /`probe`/,
    ],
    [
      "Docker Swarm at the proxies' port",
      withFacts(listens('udp', 7946)),
      'port',
      /users' proxies/,
      /`controlPort`/,
    ],
    [
      'a DHCP server at all addresses',
      withFacts(listens('udp', 67, '0.0.0.0', { program: 'dnsmasq' })),
      'port',
      /UDP 67 .*dnsmasq/,
      /bind-dynamic/,
    ],
    [
      'a firewall',
      { firewall: [{ words: 'the chain FORWARD drops', remedy: ['iptables -I'] }] },
      'firewall',
      /FORWARD/,
      /iptables -I/,
    ],
    [
      'no keys',
      { keys: { ...KEYS, problem: 'no server-cert.pem' } },
      'keys',
      /server-cert/,
      /keys issue us-west\/h1 --address 192\.0\.2\.11/,
    ],
    [
      'a certificate of another address',
      { keys: { ...KEYS, namesPeer: false } },
      'keys',
      /does not name 192\.0\.2\.11/,
      /keys issue/,
    ],
    ['a certificate that has ended', { keys: { ...KEYS, daysLeft: -1 } }, 'keys', /has ended/, /keys renew/],
    ['a cloud without it', cloud({ id: 'h2' }), 'cloud', /no host us-west\/h1/, /vmshadow\.yaml/],
    [
      'a cloud with another address',
      cloud({ peer: { address: '192.0.2.12', port: 7947 } }),
      'cloud',
      /peer is 192\.0\.2\.12:7947 .* 192\.0\.2\.11:7947/,
      /correct/,
    ],
    [
      'KVM asked for and not there',
      { ...withFacts({ accelerator: 'tcg', kvmDevice: false }), ...withConfig({ accel: 'kvm' }) },
      'kvm',
      /no guest/,
      /accel: auto/,
    ],
    [
      'no user as was asked for',
      { ...withFacts({ qemuUser: false }), ...withConfig({ qemuUser: 'qemu' }) },
      'qemu-user',
      /no user qemu/,
      /useradd .* qemu/,
    ],
  ])('says of %s that it does not work, why, and what to do', (_, look, about, message, remedy) => {
    const found = bad(look);
    expect(found.map((f) => [f.level, f.about])).toEqual([['problem', about]]);
    expect(found[0]!.message).toMatch(message);
    expect(found[0]!.remedy!.join('\n')).toMatch(remedy);
    expect(hasProblem(found)).toBe(true);
  });

  it.each<[string, Partial<HostLook>, string]>([
    ['guests would get no DHCP', withFacts(without('dnsmasq')), 'package:dnsmasq-base'],
    ['UEFI desktops would not start', withFacts(without('/usr/share/OVMF/OVMF_CODE_4M.fd')), 'package:ovmf'],
    ['desktops would have no TPM', withFacts(without('swtpm')), 'package:swtpm'],
    ['KVM is there and does not boot', withFacts({ accelerator: 'tcg' }), 'kvm'],
    ['QEMU would run as root', withFacts({ qemuUser: false }), 'qemu-user'],
    [
      'the default route leads elsewhere',
      withFacts({ defaultRoutes: [{ device: 'eth1', gateway: null, metric: 0 }] }),
      'route',
    ],
    ['there is no default route', withFacts({ defaultRoutes: [] }), 'route'],
    ['disks lie in memory', withFacts({ volatile: true }), 'disk'],
    [
      'more memory is given than is there',
      withConfig({ capacity: { ...CONFIG_INPUT.capacity, memoryMiB: 64_000 } }),
      'memory',
    ],
    [
      'more disk is given than is there',
      withConfig({ capacity: { ...CONFIG_INPUT.capacity, diskMiB: 500_000 } }),
      'disk',
    ],
    [
      'there are more slots than addresses',
      withConfig({ capacity: { ...CONFIG_INPUT.capacity, slots: 3 } }),
      'external-pool',
    ],
    ['the certificate ends soon', { keys: { ...KEYS, daysLeft: 20 } }, 'keys'],
  ])('warns where %s, and is not broken', (_, look, about) => {
    const found = bad(look);
    expect(found.map((f) => [f.level, f.about])).toEqual([['warning', about]]);
  });

  it.each<[string, Partial<HostLook>]>([
    ['a port of its own', withFacts(listens('tcp', 7947, '192.0.2.11', { ours: true }))],
    ['the port of another protocol', withFacts(listens('udp', 7947))],
    ['the port at another address', withFacts(listens('tcp', 7947, '127.0.0.1'))],
    ['a DHCP server at an address of its own (libvirt)', withFacts(listens('udp', 67, '192.168.122.1'))],
    ["a desktop's tap, in the inner range", withFacts(device('vs-office', '10.77.0.1/30'))],
    [
      'a traffic control that it is told to leave',
      { ...withFacts({ foreignQdiscs: { eth0: 'htb' } }), ...withConfig({ shapeUplink: false }) },
    ],
    [
      'an inner range that the cloud has changed',
      { ...withFacts(device('lan', '10.77.3.1/24')), ...cloud({}, { internalRange: '10.99.0.0/16' }) },
    ],
    ['one port of the range for moves', withFacts(listens('tcp', 49_160))],
  ])('is not alarmed by %s', (_, look) => expect(bad(look)).toEqual([]));

  it('cannot take moves where a range has fewer than two ports left', () => {
    const taken = [50_000, 50_001].map((port) => listens('tcp', port).sockets[0]!);
    const config = withConfig({ migrationPorts: { first: 50_000, last: 50_002 } });
    expect(bad({ ...withFacts({ sockets: taken }), ...config })).toMatchObject([
      {
        level: 'problem',
        about: 'port',
        message: expect.stringMatching(/50000, 50001 .*1 ports of the range/),
      },
    ]);
  });
});
