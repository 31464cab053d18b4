// What the linter's own rules (eslint.config.js, scripts/lint) refuse, by the ways around them that somebody might take.
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../os/run-command.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** File, source. Each is refused by a rule of ours. */
const REFUSED: readonly [file: string, source: string][] = [
  ['domain/model/x.ts', `import '../../os/record-store.js';`],
  ['domain/x.ts', `import './../os/record-store.js';`],
  ['domain/x.ts', `import '../domain/../os/record-store.js';`],
  ['domain/x.ts', `import '/srv/os/record-store.js';`],
  ['domain/x.ts', `import 'file:///srv/os/record-store.js';`],
  ['domain/x.ts', `import 'data:text/javascript,1';`],
  ['domain/x.ts', `import '#os';`],
  ['domain/x.ts', `import '..';`],
  ['domain/x.ts', `export * from '../os/record-store.js';`],
  ['domain/x.ts', `export { readRecord } from '../os/record-store.js';`],
  ['domain/x.ts', `import type { Hypervisor } from '../ports/hypervisor.js';`],
  ['domain/x.ts', `export type X = import('../ports/hypervisor.js').Hypervisor;`],
  ['domain/x.ts', `import fs = require('node:fs'); fs;`],
  ['domain/x.ts', `import { readFileSync } from 'fs'; readFileSync;`],
  ['domain/x.ts', `import { randomUUID } from 'node:crypto'; randomUUID;`],
  ['domain/x.ts', `await import('execa');`],
  ['domain/x.ts', `await import('node:fs');`],
  ['domain/x.ts', 'await import(`node:fs`);'],
  ['domain/x.ts', `await import('node:' + 'fs');`],
  ['domain/x.ts', `await import('../drivers/solver/highs-solver.js');`],
  ['domain/x.ts', `export const x = Date.now();`],
  ['domain/x.ts', `export const x = new Date();`],
  ['domain/x.ts', `const { now } = Date; now();`],
  ['domain/x.ts', `export const x = Math.random();`],
  ['domain/x.ts', `const { random } = Math; random();`],
  ['domain/x.ts', `await fetch('http://192.0.2.1/');`],
  ['domain/x.ts', `export const x = performance.now();`],
  ['domain/x.ts', `setTimeout(() => 1, 1);`],
  ['domain/x.ts', `console.log('x');`],
  ['domain/x.ts', `export const x = process.env;`],
  ['domain/x.ts', `process.getBuiltinModule('fs');`],
  ['domain/x.ts', `globalThis['fetch']('http://192.0.2.1/');`],
  ['domain/x.ts', `export const x = new Intl.DateTimeFormat().format();`],
  ['domain/x.ts', `eval('1');`],
  ['domain/x.js', `export const x = 1;`],
  ['domain/x.mts', `export const x: number = 1;`],
  ['domain/x.cts', `export const x: number = 1;`],
  ['domain/x.mjs', `import '../os/record-store.js';`],
  ['domain/x.ts', `/* eslint-disable */ import '../os/record-store.js';`],
  ['domain/x.ts', `// eslint-disable-next-line\nimport '../os/record-store.js';`],
  ['domain/x.ts', `/* eslint vmshadow/room-imports: "off" */\nimport '../os/record-store.js';`],
  ['temporal/contract/x.ts', `import '../connection.js';`],
  ['temporal/contract/x.ts', `import { Client } from '@temporalio/client'; Client;`],
  ['temporal/contract/x.ts', `export const x = Date.now();`],
  ['workflows/x.ts', `import '../drivers/../activities/control/control-activities.js';`],
  ['workflows/x.ts', `import { ping } from '../activities/control/control-activities.js'; ping;`],
  [
    'workflows/x.ts',
    `import { type Ping } from '../activities/control/control-activities.js'; export type X = Ping;`,
  ],
  ['workflows/x.ts', `await import('../activities/control/control-activities.js');`],
  ['workflows/x.ts', `import '../temporal/connection.js';`],
  ['workflows/x.ts', `import { Worker } from 'worker_threads'; Worker;`],
  ['workflows/x.ts', `import { Worker } from 'node:worker_threads'; Worker;`],
  ['workflows/x.ts', `import pino from 'pino'; pino();`],
  ['workflows/x.ts', `import pMap from 'p-map'; pMap;`],
  ['workflows/x.ts', `import { Client } from '@temporalio/client'; Client;`],
  ['workflows/x.ts', `export const x = process.pid;`],
  ['activities/x.ts', `import '../drivers/solver/highs-solver.js';`],
  ['activities/x.ts', `import '../activities/../drivers/solver/highs-solver.js';`],
  ['drivers/x.ts', `import { Client } from '@temporalio/client'; Client;`],
  ['drivers/x.ts', `import { execa } from 'execa'; execa;`],
  ['drivers/x.ts', `import { createRequire } from 'node:module'; createRequire;`],
  ['drivers/x.ts', `import { getBuiltinModule } from 'node:process'; getBuiltinModule;`],
  ['drivers/x.ts', `process.getBuiltinModule('node:child_process');`],
  ['os/x.ts', `import { execa } from 'execa'; execa;`],
  ['os/x.ts', `import { spawn } from 'child_process'; spawn;`],
  ['os/x.ts', `import { spawn } from 'node:child_process'; spawn;`],
  ['os/x.ts', `await import('node:child_process');`],
  ['os/run-command.ts', `import '../drivers/solver/highs-solver.js';`],
  ['cli/x.ts', `import '../lab/fakes/fault.js';`],
  ['test/x.ts', `import { spawn } from 'node:child_process'; spawn;`],
];

const ALLOWED: typeof REFUSED = [
  ['domain/x.ts', `import { z } from 'zod'; import '../domain/errors.js'; export const x = z;`],
  ['domain/x.ts', `export const x: Promise<Map<string, Uint8Array>> = Promise.resolve(new Map());`],
  ['temporal/contract/x.ts', `import { defineQuery } from '@temporalio/common'; defineQuery;`],
  [
    'workflows/x.ts',
    `import type { ControlActivities } from '../activities/control/control-activities.js';
     import { x } from '../temporal/contract/loop.js'; export const y: ControlActivities = x(Date.now());`,
  ],
  ['os/run-command.ts', `import { execa } from 'execa'; await execa('true');`],
  ['cli/x.ts', `await import('../workers/manager.js'); process.exitCode = 1;`],
  ['lab/net/gate-inner.js', `import 'node:net';`],
];

/** The rules that are ours; types are not looked at, so that no file needs to be there. */
const OURS = [
  'vmshadow/room-imports',
  'no-undef',
  'no-restricted-globals',
  'no-restricted-properties',
  'no-restricted-syntax',
  'no-eval',
];
const LINT = `
  import { ESLint } from 'eslint';
  import tseslint from 'typescript-eslint';
  import { text } from 'node:stream/consumers';
  const overrideConfig = [tseslint.configs.disableTypeChecked, { files: ['**/*.ts'], rules: { 'import-x/no-cycle': 'off' } }];
  const eslint = new ESLint({ cwd: process.cwd(), overrideConfig });
  const answers = [];
  for (const [filePath, source] of JSON.parse(await text(process.stdin))) {
    const [result] = await eslint.lintText(source, { filePath });
    answers.push(result.messages.map((m) => m.ruleId ?? m.message));
  }
  console.log(JSON.stringify(answers));
`;

/** Lint the sources; give what was found in each, of our rules or as no rule's (a source that cannot be parsed). */
async function lint(cases: typeof REFUSED): Promise<string[][]> {
  const answer = await runCommand([process.execPath, '--input-type=module', '-e', LINT], {
    cwd: root,
    env: { NODE_OPTIONS: '' },
    input: JSON.stringify(cases),
    timeoutMs: 85_000,
  });
  return JSON.parse(answer) as string[][];
}

describe('the rules of the linter', () => {
  it('refuse what goes around the direction of imports and the purity of the domain', async () => {
    const found = await lint(REFUSED);
    const missed = REFUSED.filter((_, i) => !found[i]?.some((rule) => OURS.includes(rule)));
    expect(missed).toEqual([]);
  });

  it('leave alone what the architecture allows', async () => {
    const found = await lint(ALLOWED);
    const refused = ALLOWED.map(([file], i) => ({
      file,
      rules: found[i]?.filter((rule) => OURS.includes(rule) || !/^[\w@/-]+$/.test(rule)),
    }));
    expect(refused.filter(({ rules }) => rules?.length !== 0)).toEqual([]);
  });
});
