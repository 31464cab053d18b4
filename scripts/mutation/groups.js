// What is mutated, and the tests that must notice: the files whose faults would lose a desktop, in groups small enough that a mutant
// costs seconds.
/** Where what is known of mutants is kept, so that a second run tries only what has changed. */
export const KEPT = '.stryker';

const model = 'test/unit/activities/switchover/model/';

export const groups = {
  ownership: {
    mutate: ['domain/migration/ownership.ts'],
    tests: ['test/unit/domain/migration/ownership'],
  },
  switchover: {
    mutate: ['activities/switchover/*.ts'],
    tests: ['test/unit/activities/switchover/switchover', 'test/unit/activities/host/target'],
  },
  // The exhaustive search takes half a minute a mutant: for what the fast tests let live.
  'switchover-model': { mutate: ['activities/switchover/*.ts'], tests: [model] },
  stores: {
    mutate: [
      'activities/stores/*.ts',
      'os/{record-store,record-file,durable-file,folder-lock,keyed-mutex}.ts',
    ],
    tests: ['test/unit/activities/stores', 'test/unit/os/'],
  },
  protocol: { mutate: ['guest-proxy/protocol/*.ts'], tests: ['test/unit/guest-proxy/'] },
  client: { mutate: ['guest-proxy/client/client-s{tate,tore}.ts'], tests: ['test/unit/guest-proxy/client/'] },
  admission: {
    mutate: ['domain/migration/{admission,held-moves,blame}.ts'],
    tests: ['test/unit/domain/migration/'],
  },
};
