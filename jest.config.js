// One project a tier (docs/testing.md): unit (T0, T1), replay (T2), temporal (T3), system (T4: real QEMU, namespaces, root); nodes: what
// is compiled, under each Node, beside the unit tier.
const base = {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
  // Its "soft" deletion puts setters that call themselves on objects that files of one worker share: the next file that sets such a
  // property overflows the stack.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.stryker/'],
};

export default {
  // Ends a test that hangs, and says nothing of how long one may take: none needs a third of it on an idle machine. Few have their own.
  testTimeout: 90_000,
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    { ...base, displayName: 'replay', testMatch: ['<rootDir>/test/replay/**/*.test.ts'] },
    { ...base, displayName: 'temporal', testMatch: ['<rootDir>/test/temporal/**/*.test.ts'] },
    { ...base, displayName: 'system', testMatch: ['<rootDir>/test/system/**/*.test.ts'] },
    { ...base, displayName: 'nodes', testMatch: ['<rootDir>/test/nodes/**/*.test.ts'] },
    // Opt-in (`npm run test:long`, `npm run test:package`, `npm run test:self-hosted`).
    { ...base, displayName: 'long', testMatch: ['<rootDir>/test/long/**/*.test.ts'] },
    { ...base, displayName: 'package', testMatch: ['<rootDir>/test/package/**/*.test.ts'] },
    {
      ...base,
      displayName: 'self-hosted',
      testMatch: ['<rootDir>/test/self-hosted/**/*.test.ts'],
    },
  ],
};
