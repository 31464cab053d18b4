// Transpiles the TypeScript sources to dist/ with esbuild and pre-bundles the workflows. Types are checked by `npm run check`.
// Run by `npm ci` through `prepare`, so that `npx vmshadow` works in a checkout at once.
import { copyFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = [
  'domain',
  'temporal',
  'workflows',
  'activities',
  'ports',
  'drivers',
  'os',
  'guest-proxy',
  'transfer',
  'workers',
  'web/server',
  'web/view',
  'cli',
  'lab',
];

async function sources(folder) {
  const entries = await readdir(`${root}${folder}`, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile() && e.name.endsWith('.ts') && !e.name.endsWith('.d.ts'))
    .map((e) => `${e.parentPath}/${e.name}`);
}

const entryPoints = (await Promise.all(folders.map(sources))).flat();
// Beside the old one, and swapped at the end: a build that fails leaves what was there.
const out = `${root}dist.new`;
await rm(out, { recursive: true, force: true });
await build({
  entryPoints,
  outdir: out,
  outbase: root,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
});

// The page is one file, with its libraries in it: it fetches nothing from elsewhere.
const assets = `${out}/web/assets`;
await build({
  entryPoints: [`${root}web/page/main.ts`],
  outfile: `${assets}/page.js`,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  legalComments: 'inline',
  logLevel: 'warning',
});
for (const name of ['index.html', 'style.css'])
  await copyFile(`${root}web/page/${name}`, `${assets}/${name}`);
await copyFile(fileURLToPath(import.meta.resolve('world-atlas/countries-110m.json')), `${assets}/world.json`);

const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
const { code } = await bundleWorkflowCode({
  workflowsPath: `${out}/workflows/index.js`,
  logger: new DefaultLogger('WARN'),
});
await writeFile(`${out}/workflow-bundle.js`, code);
await rm(`${root}dist`, { recursive: true, force: true });
await rename(out, `${root}dist`);
