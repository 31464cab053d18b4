// Configurations to begin with: the smallest useful vmshadow.yaml (`vmshadow dev --example`), and a dom0.yaml with every setting
// (`vmshadow dom0 --example`) of the first host in it.
import { Dom0Config } from '../domain/model/dom0.js';
import { renderDom0 } from './render/dom0-yaml.js';

/** Commands that make the files. */
export const MAKE_EXAMPLE_CLOUD = 'vmshadow dev --example > vmshadow.yaml';
export const MAKE_EXAMPLE_DOM0 = 'vmshadow dom0 --example > dom0.yaml';

/** Example configuration of a cloud: two sites with a host each. Valid as it stands. */
export const EXAMPLE_CLOUD = `# vmshadow.yaml: the cloud. Addresses are examples (RFC 5737): put your hosts' own in their place.
pool: main

sites:
  - id: us-west
    kind: regional            # near users, few slots; a global site is large and far
    latitude: 45.6            # optional: chooses the nearest sites of a user by geography
    longitude: -121.2
    hosts:
      - id: h1
        peer: { address: 192.0.2.11, port: 7947 }     # where the other hosts reach its dom0 (TLS)
        probe: { address: 192.0.2.11, port: 7948 }    # where RTT probes are answered (UDP)
  - id: us-central
    kind: global
    hosts:
      - id: h1
        peer: { address: 198.51.100.11, port: 7947 }
        probe: { address: 198.51.100.11, port: 7948 }
        # provides: [a100]      # optional, also of a site: what \`vmshadow desktop constrain --require\` may ask for

# All that follows may be left out; these are the defaults.
policy:
  cycleMs: 30000              # how often the loop looks
  act: true                   # false: plan and show, move nothing
  placement:
    algorithm: exact
    highThreshold: 0.6        # a desktop ranked above it is a candidate
    hysteresisMs: 600000      # after a move a desktop stays put for so long
    msPerGB: 2                # a gigabyte moved must gain so many ms of ranked latency
limits:
  movesInAll: 4
  movesPerHost: 1
  moveMbps: 60                # cap of one move on the wire
`;

/** Example configuration of a host, with every setting. Valid as it stands. */
export const EXAMPLE_DOM0 = renderDom0(
  Dom0Config.parse({
    site: 'us-west',
    host: 'h1',
    peer: { address: '192.0.2.11', port: 7947 },
    probe: { address: '192.0.2.11', port: 7948 },
    uplink: 'eth0',
    externalPool: ['192.0.2.101', '192.0.2.102', '192.0.2.103'],
    capacity: { slots: 3, vcpus: 8, memoryMiB: 16_384, diskMiB: 204_800 },
    stateDir: '/var/lib/vmshadow',
    runDir: '/run/vmshadow',
    imageDir: '/var/lib/vmshadow/images',
    pkiDir: '/etc/vmshadow/pki',
    identityFile: '/etc/vmshadow/pki/identity.json',
  }),
  "Addresses are examples (RFC 5737): put the host's own in their place.",
);
