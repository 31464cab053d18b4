/** The sites of a cloud's configuration, regional ones with one host each, whose addresses nobody asks. */
export function oneHostSites(ids: readonly string[]) {
  return ids.map((id, i) => {
    const address = `192.0.2.${String(i + 1)}`;
    return {
      id,
      kind: 'regional',
      hosts: [{ id: 'h1', peer: { address, port: 1 }, probe: { address, port: 2 } }],
    };
  });
}
