// What of its hosts a desktop needs, in the words of a plan: classes that a desktop requires and hosts provide.

/** A class by its name, which is the same for all who need the same. */
export interface Demand<H> {
  readonly name: string;
  takes(host: H): boolean;
}

export interface PlanClasses {
  /** What a desktop requires; none where every host can take it. */
  readonly required: ReadonlyMap<string, string>;
  /** By the host's key. */
  readonly provided: ReadonlyMap<string, readonly string[]>;
}

/** The classes that keep desktops (by id) from hosts (by key) that cannot take them: only those that some host lacks. A host of which nothing is known is kept from nobody. */
export function scarceClasses<H>(
  hosts: ReadonlyMap<string, H | undefined>,
  demands: ReadonlyMap<string, Demand<H>>,
): PlanClasses {
  const byName = new Map([...demands.values()].map((demand) => [demand.name, demand]));
  const has = (demand: Demand<H>, host: H | undefined) => host === undefined || demand.takes(host);
  const scarce = [...byName.values()].filter((demand) => [...hosts.values()].some((h) => !has(demand, h)));
  const isScarce = new Set(scarce.map(({ name }) => name));
  return {
    required: new Map(
      [...demands].filter(([, { name }]) => isScarce.has(name)).map(([id, { name }]) => [id, name]),
    ),
    provided: new Map(
      [...hosts].map(([key, host]) => [key, scarce.filter((d) => has(d, host)).map(({ name }) => name)]),
    ),
  };
}
