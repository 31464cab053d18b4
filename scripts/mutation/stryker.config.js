import { groups, KEPT } from './groups.js';

const name = process.env.VMSHADOW_MUTATE;

export default {
  mutate: groups[name].mutate,
  // Words for people are nobody's behaviour; those that are (states, kinds) the compiler holds.
  mutator: { excludedMutations: ['StringLiteral'] },
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: { configFile: 'scripts/mutation/jest.config.js', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  incremental: true,
  incrementalFile: `${KEPT}/${name}.incremental.json`,
  reporters: ['progress-append-only', 'json', 'clear-text'],
  jsonReporter: { fileName: `${KEPT}/${name}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  concurrency: 1,
  // Modules loaded under --experimental-vm-modules are never given back: 4 GB after 200 mutants.
  maxTestRunnerReuse: 30,
  timeoutMS: 60_000,
  tempDirName: `${KEPT}/tmp`,
  ignorePatterns: ['.stryker', 'demo-report', 'dist'],
};
