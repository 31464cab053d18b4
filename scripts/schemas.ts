// Writes the JSON Schemas of documented file formats from their zod schemas: `npx tsx scripts/schemas.ts`.
// A unit test (test/unit/domain/placement/schema.test.ts) fails when a written schema is not current.
import { mkdir, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import { planInputSchema } from '../domain/placement/request/json-schema.js';

const folder = new URL('../docs/schemas/', import.meta.url);
await mkdir(folder, { recursive: true });
const text = await format(JSON.stringify(planInputSchema()), { parser: 'json', printWidth: 110 });
await writeFile(new URL('plan-input.schema.json', folder), text);
