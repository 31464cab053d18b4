// The rules that keep imports running one way (ARCHITECTURE.md, "Imports") and workflow code deterministic, beside the usual ones.
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { roomImports } from './scripts/lint/room-imports.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const ROOMS = [
  'domain',
  'ports',
  'os',
  'temporal',
  'workflows',
  'activities',
  'drivers',
  'guest-proxy',
  'transfer',
  'workers',
  'web',
  'cli',
  'lab',
  'bench',
  'test',
];

/** What starts commands: os/run-command.ts and os/start-command.ts alone import it. */
const STARTERS = ['execa', 'child_process', 'cluster'];
/** What would import around the rules. */
const LOADERS = ['module', 'process'];
/** Libraries that do no input or output, look at no clock and run in a workflow's sandbox; the domain may import them and itself. */
const PURE_LIBRARIES = ['zod', 'ipaddr.js', 'heap-js'];
const noTemporal = { never: ['@temporalio'] };
const OTHER_SOURCES = ROOMS.map((name) => `${name}/**/*.{js,cjs,mjs,jsx,tsx,cts,mts}`);

/** Lets a room import itself and the `rooms` below it, and nothing else of ours; of packages `only` those, or all but `never`. */
const room = (
  name,
  rooms,
  { types = [], only, never = [], files = [`${name}/**/*.{js,cjs,mjs,jsx,ts,tsx,cts,mts}`] } = {},
) => ({
  files,
  rules: {
    'vmshadow/room-imports': [
      'error',
      {
        root,
        rooms: [name, ...rooms],
        types,
        ...(only ? { only } : { never: [...never, ...LOADERS] }),
      },
    ],
  },
});
const startsNothing = (limits = {}) => ({ ...limits, never: [...STARTERS, ...(limits.never ?? [])] });

export default tseslint.config(
  { ignores: ['dist/', 'dist.new/', 'node_modules/', 'demo-report/', 'coverage/'] },
  {
    linterOptions: { noInlineConfig: true },
    plugins: { vmshadow: { rules: { 'room-imports': roomImports } } },
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './web/page/tsconfig.json'] } },
    plugins: { 'import-x': importX },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true, maxDepth: 6 }],
      'no-eval': 'error',
      // It imports around the rules.
      'no-restricted-syntax': [
        'error',
        ":matches(Identifier[name='getBuiltinModule'], Literal[value='getBuiltinModule'])",
      ],
    },
    settings: {
      'import-x/resolver-next': [
        importX.createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
    },
  },
  room('domain', [], { only: PURE_LIBRARIES }),
  room('ports', ['domain'], startsNothing(noTemporal)),
  room('os', ['domain'], startsNothing(noTemporal)),
  room('os', ['domain'], { ...noTemporal, files: ['os/run-command.ts', 'os/start-command.ts'] }),
  room('temporal', ['domain', 'os'], startsNothing()),
  // Read by both ends of a message, in the workflows' sandbox too: of Temporal only @temporalio/common suits both.
  room('temporal/contract', ['domain'], { only: ['zod', '@temporalio/common'] }),
  // Runs in a sandbox. Of temporal/ it knows the contract alone: the rest talks to a server.
  room('workflows', ['domain', 'temporal/contract'], {
    types: ['activities'],
    only: ['zod', '@temporalio/workflow', '@temporalio/common'],
  }),
  room('activities', ['domain', 'ports', 'os', 'temporal'], startsNothing()),
  room('drivers', ['domain', 'ports', 'os'], startsNothing(noTemporal)),
  room('guest-proxy', ['domain', 'ports', 'os'], startsNothing(noTemporal)),
  room('transfer', ['domain', 'os'], startsNothing(noTemporal)),
  room(
    'workers',
    ['domain', 'ports', 'os', 'temporal', 'activities', 'drivers', 'guest-proxy', 'transfer'],
    startsNothing(),
  ),
  room('web', ['domain', 'os', 'temporal/contract'], { ...startsNothing(noTemporal), types: ['temporal'] }),
  // Runs in a browser, with what is pure.
  ...['web/view', 'web/page'].map((name) =>
    room(name, ['web/view', 'domain'], {
      types: ['web', 'temporal'],
      only: ['preact', 'preact/hooks', 'htm/preact', 'd3-geo', 'd3-scale', 'd3-shape', 'topojson-client'],
    }),
  ),
  room(
    'cli',
    ['domain', 'ports', 'os', 'temporal', 'drivers', 'guest-proxy', 'transfer', 'workers', 'web'],
    startsNothing(),
  ),
  room(
    'lab',
    ROOMS.filter((room) => !['workflows', 'lab', 'bench', 'test'].includes(room)),
    startsNothing(),
  ),
  room('bench', ROOMS, startsNothing()),
  // Loads the benchmark that was asked for, by its name.
  { files: ['bench/run.ts'], rules: { 'vmshadow/room-imports': 'off' } },
  room('test', ROOMS, startsNothing()),
  {
    // Deterministic or pure: the language itself, and nothing of the machine it runs on.
    files: ['domain/**/*.ts', 'temporal/contract/**/*.ts', 'workflows/**/*.ts'],
    rules: { 'no-undef': 'error', 'no-restricted-globals': ['error', 'globalThis', 'Intl'] },
  },
  {
    files: ['domain/**/*.ts', 'temporal/contract/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'globalThis',
        'Intl',
        { name: 'Date', message: 'The time comes in as an argument.' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Random numbers come in as an argument.' },
      ],
    },
  },
  {
    // A room's sources are .ts files, which all the rules are about; but for this one, which starts without being compiled.
    files: OTHER_SOURCES,
    ignores: ['lab/net/gate-inner.js'],
    languageOptions: { parser: tseslint.parser },
    rules: { 'no-restricted-syntax': ['error', { selector: 'Program', message: 'Write it as a .ts file.' }] },
  },
  {
    files: ['test/**/*.ts', 'ports/**/*.ts', 'lab/**/*.ts'],
    rules: {
      // One word for a test, and none that leaves tests out or runs them again.
      'no-restricted-globals': ['error', 'test', 'fit', 'xit', 'xtest', 'fdescribe', 'xdescribe'],
      'no-restricted-properties': [
        'error',
        ...['it', 'describe'].flatMap((object) =>
          ['only', 'skip', 'todo', 'failing'].map((property) => ({ object, property })),
        ),
        { object: 'jest', property: 'retryTimes' },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'lab/fakes/**/*.ts'],
    rules: {
      // jest's asymmetric matchers are typed `any`.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
