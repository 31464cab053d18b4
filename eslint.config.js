// The rules that keep imports running one way (ARCHITECTURE.md, "Imports") and workflow code deterministic, beside the usual ones.
import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Forbids imports of the named top-level folders from `files`; type imports are let through where `typesToo` is false. */
const forbid = (files, folders, { typesToo = true, extra = [] } = {}) => ({
  files,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          ...(folders.length === 0
            ? []
            : [
                {
                  regex: `^(\\.\\./)+(${folders.join('|')})/`,
                  message: 'Imports run one way: see ARCHITECTURE.md.',
                  allowTypeImports: !typesToo,
                },
              ]),
          ...extra,
        ],
      },
    ],
  },
});
const temporalPackages = { group: ['@temporalio/*'], message: 'This folder knows no Temporal.' };
const nodeBuiltins = {
  regex: '^(node:|fs$|path$|os$|crypto$|child_process$)',
  message: 'Not available to deterministic or pure code.',
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
  forbid(
    ['domain/**/*.ts'],
    [
      'temporal',
      'workflows',
      'activities',
      'hypervisors',
      'transfer',
      'guest-proxy',
      'workers',
      'cli',
      'lab',
      'bench',
    ],
    {
      extra: [temporalPackages, nodeBuiltins],
    },
  ),
  forbid(
    ['temporal/**/*.ts'],
    ['workflows', 'activities', 'hypervisors', 'transfer', 'guest-proxy', 'workers', 'cli', 'lab'],
  ),
  forbid(
    ['workflows/**/*.ts'],
    ['activities', 'hypervisors', 'transfer', 'guest-proxy', 'workers', 'cli', 'lab'],
    { typesToo: false, extra: [nodeBuiltins] },
  ),
  forbid(
    ['activities/**/*.ts'],
    ['workflows', 'hypervisors', 'transfer(?!/(durable-file|run-command)\\.js)', 'workers', 'cli', 'lab'],
  ),
  forbid(
    ['hypervisors/**/*.ts', 'transfer/**/*.ts', 'guest-proxy/**/*.ts'],
    ['workflows', 'temporal', 'workers', 'cli', 'lab'],
    { extra: [temporalPackages] },
  ),
  forbid(['workers/**/*.ts'], ['cli', 'lab']),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
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
