import { readFile } from 'node:fs/promises';
import { planInputSchema } from '../../../../domain/placement/request/json-schema.js';

describe('docs/schemas/plan-input.schema.json', () => {
  it('is current (else run `npx tsx scripts/schemas.ts`)', async () => {
    const text = await readFile(
      new URL('../../../../docs/schemas/plan-input.schema.json', import.meta.url),
      'utf8',
    );
    expect(JSON.parse(text)).toEqual(planInputSchema());
  });
});
