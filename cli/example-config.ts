// The smallest useful vmshadow.yaml, printed by `vmshadow dev --example`.

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
