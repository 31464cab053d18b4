// The rules that keep imports running one way (ARCHITECTURE.md, "Imports") and workflow code deterministic, beside the usual ones.
import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const ROOMS = [
  'domain',
  'ports',
  'os',
  'temporal',
  'workflows',
  'activities',
  'drivers',
  'guest-proxy',
  'workers',
  'cli',
  'lab',
  'bench',
  'test',
];

/** Lets a room import itself and the rooms `below` it, and nothing else of ours; `typesOnly` rooms by `import type` alone. */
const room = (name, below, { typesOnly = [], extra = [] } = {}) => {
  const others = ROOMS.filter((r) => r !== name && !below.includes(r));
  const pattern = (rooms, allowTypeImports) =>
    rooms.length === 0
      ? []
      : [
          {
            regex: `^(\\.\\./)+(${rooms.join('|')})/`,
            message: 'Imports run one way: see ARCHITECTURE.md.',
            allowTypeImports,
          },
        ];
  return {
    files: [`${name}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...pattern(
              others.filter((r) => !typesOnly.includes(r)),
              false,
            ),
            ...pattern(typesOnly, true),
            ...(name === 'os' ? [] : [processStarters]),
            ...extra,
          ],
        },
      ],
    },
  };
};
const processStarters = {
  regex: '^(execa|(node:)?child_process)$',
  message: 'Commands are run by os/run-command.ts and started by os/start-command.ts.',
};
const temporalPackages = { group: ['@temporalio/*'], message: 'This folder knows no Temporal.' };
const nodeBuiltins = {
  regex: '^(node:|fs$|path$|os$|crypto$|child_process$)',
  message: 'Not available to deterministic or pure code.',
};
/** Libraries that do no input or output, look at no clock and run in a workflow's sandbox; the domain may import them and itself. */
const PURE_LIBRARIES = ['zod', 'ipaddr.js', 'heap-js'];
const impure = {
  regex: `^(?!\\.|(${PURE_LIBRARIES.map((name) => name.replaceAll('.', '\\.')).join('|')})$)`,
  message: `The domain is pure: it imports itself and ${PURE_LIBRARIES.join(', ')}.`,
};

export default tseslint.config(
  { ignores: ['dist/', 'dist.new/', 'node_modules/', 'demo-report/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
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
      'no-restricted-imports': 'off',
    },
    settings: {
      'import-x/resolver-next': [
        importX.createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
    },
  },
  room('domain', [], { extra: [impure] }),
  room('ports', ['domain'], { extra: [temporalPackages] }),
  room('os', ['domain'], { extra: [temporalPackages] }),
  room('temporal', ['domain', 'os']),
  // Read by both ends of a message, in the workflows' sandbox too.
  room('temporal/contract', ['domain'], {
    extra: [
      nodeBuiltins,
      { regex: '^\\.\\./[^.]', message: 'The contract knows nothing of the rest of temporal/.' },
      {
        regex: '^@temporalio/(?!common$)',
        message: 'The contract is read by clients and workflows alike: only @temporalio/common suits both.',
      },
    ],
  }),
  room('workflows', ['domain', 'temporal'], {
    typesOnly: ['activities'],
    extra: [
      nodeBuiltins,
      {
        regex: '^(\\.\\./)+temporal/(?!contract/)',
        message: 'Of temporal/, workflows know the contract alone: the rest talks to a server.',
      },
      {
        regex: '^@temporalio/(?!workflow$|common$)',
        message:
          'Workflow code runs in a sandbox: only @temporalio/workflow and @temporalio/common work there.',
      },
    ],
  }),
  room('activities', ['domain', 'ports', 'os', 'temporal']),
  room('drivers', ['domain', 'ports', 'os'], { extra: [temporalPackages] }),
  room('guest-proxy', ['domain', 'ports', 'os'], { extra: [temporalPackages] }),
  room('workers', ['domain', 'ports', 'os', 'temporal', 'activities', 'drivers', 'guest-proxy']),
  room('cli', ['domain', 'ports', 'os', 'temporal', 'drivers', 'guest-proxy', 'workers']),
  room('lab', [
    'domain',
    'ports',
    'os',
    'temporal',
    'activities',
    'drivers',
    'guest-proxy',
    'workers',
    'cli',
  ]),
  room('bench', ROOMS),
  room('test', ROOMS),
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
