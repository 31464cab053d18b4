import { HostRef } from '../../../domain/model/ids.js';
import { fakeHypervisor } from '../../../lab/fakes/fake-hypervisor.js';
import { FakeMachine, FakeWire } from '../../../lab/fakes/fake-machine.js';
import { fakeDesktop } from '../../../lab/fakes/fake-host.js';
import { describeHypervisor, type HypervisorWorld, type Side } from '../../compliance/hypervisor.js';

/** Two fake machines on one wire. */
async function make(): Promise<HypervisorWorld> {
  const wire = new FakeWire();
  const [from, to] = ['h1', 'h2'].map((host) => HostRef.parse({ site: 'us-west', host })) as [
    HostRef,
    HostRef,
  ];
  const machines = { source: new FakeMachine(wire, from), target: new FakeMachine(wire, to) };
  const definition = { ...fakeDesktop('d1'), tpm: true, guestAgent: true };
  const driver = (side: Side) =>
    fakeHypervisor(machines[side], {
      faults: new Set(),
      note: () => undefined,
      dirty: () => ({ memoryMbps: 1, diskMbps: 1 }),
    });
  const here = (side: Side) => {
    const desktop = machines[side].desktops.get(definition.id);
    if (desktop?.state !== 'running') throw new Error(`the guest does not run at the ${side}`);
    return desktop;
  };
  /** What the guest has written so far, wherever it ran. */
  let written = 0;
  const world = {
    source: driver('source'),
    target: driver('target'),
    definition,
    from,
    to,
    image: 'fake.qcow2',
    tap: 'tap-d1',
    mbps: 100,
    writes: async (side: Side) => (written = machines[side].write(here(side))),
    intact: async (side: Side) => here(side).disk.image === 'fake.qcow2' && here(side).disk.writes >= written,
    restart: async (side: Side) => {
      Object.assign(world[side], driver(side));
    },
    crash: async (side: Side) => machines[side].crash(definition.id),
    loseTpm: async (side: Side) => machines[side].loseTpm(definition.id),
    kept: async (side: Side) => {
      const { desktops, incoming, retired, unfinished } = machines[side];
      return [...unfinished, ...desktops.keys(), ...incoming.keys(), ...retired.keys()];
    },
    remove: async () => undefined,
  };
  return world;
}

describeHypervisor('the fake hypervisor', make);
