#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(entry)) {
  console.error('vmshadow: dist/ is missing. Run `npm run build` in the checkout first.');
  process.exit(70);
}
await import(entry.href);
