// Configurations to begin with: the smallest useful vmshadow.yaml (`vmshadow dev --example`), and a dom0.yaml with every setting
// (`vmshadow dom0 --example`) of the first host in it.

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
export const EXAMPLE_DOM0 = `# dom0.yaml: one host. Addresses are examples (RFC 5737): put the host's own in their place.
site: us-west                 # as in vmshadow.yaml: site and host, peer and probe
host: h1
peer: { address: 192.0.2.11, port: 7947 }     # where the other hosts reach this dom0 (TCP, TLS)
probe: { address: 192.0.2.11, port: 7948 }    # where RTT probes are answered (UDP)

uplink: eth0                  # the network device towards the users and the other sites
externalPool:                 # addresses that desktops here are reached at, one a desktop: routed to this host, used by nobody else
  - 192.0.2.101
  - 192.0.2.102
  - 192.0.2.103

capacity:                     # the most that desktops here take together; less where the machine has less
  slots: 3                    # desktops
  vcpus: 8
  memoryMiB: 16384
  diskMiB: 204800

stateDir: /var/lib/vmshadow   # disks, definitions, ownership records: on a disk that survives a reboot
runDir: /run/vmshadow         # sockets and pid files; at most 60 characters
imageDir: /var/lib/vmshadow/images            # images, kernels and initrds; relative names are looked for here
pkiDir: /etc/vmshadow/pki     # the folder that \`vmshadow keys issue us-west/h1\` made, copied here
identityFile: /etc/vmshadow/pki/identity.json # in the same folder

# All that follows may be left out; these are the defaults.
controlPort: 7946             # of the connection proxy, on each external address (UDP)
relayPort: 7949               # where other hosts send packets of connections that go on over an old site (UDP)
relayLimitMinutes: 60         # an address that a desktop has left is kept for such connections at most so long
migrationPorts: { first: 49152, last: 49215 } # on which moves arrive: two for each move at a time (TCP)
growth: { disk: 1, memory: 1 }                # the share kept free of what the desktops here may still grow by
images: []                    # other folders that images, kernels and initrds may lie in
qemuUser: vmshadow-qemu       # as whom QEMU runs: a name, or UID:GID
accel: auto                   # kvm, tcg (emulation), or kvm where the machine has it
shapeUplink: true             # hold the cap of moves on the wire too (htb at the uplink)
transfer: direct              # moves to this host: relay (fewer bytes; the source must know it too) or direct (QEMU to QEMU)
cacheMiB: 4096                # room of the relays' site cache
`;
