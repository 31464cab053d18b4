// Adds up the results of the tiers (scripts/test) into the one closing line; exits 1 when anything failed or nothing ran.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const folder = process.argv[2] ?? '.';
let passed = 0;
let failed = 0;
for (const name of readdirSync(folder).filter((f) => f.endsWith('.json'))) {
  const run = name.replace(/(\.jest)?\.json$/, '');
  const r = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  if ('numTotalTests' in r) {
    passed += r.numPassedTests;
    // A suite that could not even be loaded counts, or a syntax error would hide all its tests.
    failed += r.numFailedTests + r.numRuntimeErrorTestSuites;
    for (const suite of r.testResults)
      for (const test of suite.assertionResults)
        if (test.status === 'failed') console.log(`FAILED ${run} ${test.fullName}`);
  } else {
    passed += r.passed;
    failed += r.total - r.passed;
    if (r.passed < r.total) console.log(`FAILED ${run}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
