// Mutation testing: `npm run mutate [-- GROUP...]` changes one token at a time of the files whose faults would lose a desktop (groups.js) and runs the tests
// that must notice. What lives is shown, and counted in bench/results/mutation.json; a second run tries only what has changed since.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { groups, KEPT } from './groups.js';

const RESULTS = 'bench/results/mutation.json';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in groups));
if (unknown.length > 0) {
  process.stderr.write(
    `no such group: ${unknown.join(', ')}. There are ${Object.keys(groups).join(', ')}.\n`,
  );
  process.exit(64);
}
let failed = false;
for (const name of names.length > 0 ? names : Object.keys(groups)) {
  process.stdout.write(`== ${name}\n`);
  const { status } = spawnSync('node_modules/.bin/stryker', ['run', 'scripts/mutation/stryker.config.js'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
      VMSHADOW_MUTATE: name,
    },
  });
  failed ||= status !== 0;
  if (status === 0) count(name);
}
process.exit(failed ? 1 : 0);

/** Add a group's figures and its survivors, in one line each, to the results. */
function count(name) {
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
  const { files } = JSON.parse(readFileSync(`${KEPT}/${name}.json`, 'utf8'));
  const mutants = Object.entries(files).flatMap(([file, { source, mutants: all }]) =>
    all.map((mutant) => ({
      ...mutant,
      file,
      line: source.split('\n')[mutant.location.start.line - 1].trim(),
    })),
  );
  const of = (...states) => mutants.filter(({ status }) => states.includes(status));
  const lived = of('Survived', 'NoCoverage');
  const killed = of('Killed', 'Timeout').length;
  results[name] = {
    killed,
    lived: lived.length,
    share: Number((killed / (killed + lived.length)).toFixed(4)),
    survivors: lived.map(
      ({ file, line, mutatorName, replacement, location }) =>
        `${file}:${location.start.line} ${mutatorName}: ${line} -> ${replacement.replace(/\s+/g, ' ').slice(0, 80)}`,
    ),
  };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}
