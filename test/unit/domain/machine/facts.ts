// A machine with which nothing is wrong, to be spoilt one fact at a time.
import type { HostFacts, KeyFacts } from '../../../../domain/machine/facts.js';
import type { HostLook } from '../../../../domain/machine/host-findings.js';
import { CLIENT_TOOLS, HOST_TOOLS } from '../../../../domain/machine/tools.js';
import { Dom0Config } from '../../../../domain/model/dom0.js';

export const ALL_TOOLS = [...HOST_TOOLS, ...CLIENT_TOOLS].map((t) => t.name);

export const FACTS: HostFacts = {
  root: true,
  node: '20.19.0',
  tools: ALL_TOOLS,
  devices: [
    { name: 'lo', up: true, addresses: ['127.0.0.1/8'] },
    { name: 'eth0', up: true, addresses: ['192.0.2.11/24'] },
  ],
  defaultRoutes: [{ device: 'eth0', gateway: '192.0.2.1', metric: 0 }],
  sockets: [],
  services: [],
  cores: 8,
  desktopDisksMiB: 0,
  resources: {
    disk: { fileSystem: '/', freeMiB: 200_000, totalMiB: 400_000 },
    memory: { availableMiB: 30_000, totalMiB: 32_000 },
  },
  volatile: false,
  qemuVersion: '10.0.2',
  accelerator: 'kvm',
  kvmDevice: true,
  qemuUser: true,
  foreignQdiscs: {},
};

export const KEYS: KeyFacts = { problem: null, daysLeft: 300, namesPeer: true };

export const CONFIG_INPUT = {
  site: 'us-west',
  host: 'h1',
  peer: { address: '192.0.2.11', port: 7947 },
  probe: { address: '192.0.2.11', port: 7948 },
  uplink: 'eth0',
  externalPool: ['192.0.2.101', '192.0.2.102'],
  capacity: { slots: 2, vcpus: 16, memoryMiB: 28_000, diskMiB: 180_000 },
  stateDir: '/var/lib/vmshadow',
  runDir: '/run/vmshadow',
  imageDir: '/var/lib/vmshadow/images',
  pkiDir: '/etc/vmshadow/pki',
  identityFile: '/etc/vmshadow/pki/identity.json',
};

export const LOOK: HostLook = {
  facts: FACTS,
  config: Dom0Config.parse(CONFIG_INPUT),
  firewall: [],
  keys: KEYS,
  cloud: null,
};
