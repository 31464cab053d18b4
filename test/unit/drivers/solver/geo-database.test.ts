// Where addresses are is in test/compliance; here what is about the file.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGeoDatabase } from '../../../../drivers/solver/geo-database.js';
import { tinyMmdb } from '../../../support/tiny-mmdb.js';

describe('openGeoDatabase', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'geo-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('places nobody off the earth', async () => {
    const path = join(folder, 'off.mmdb');
    await writeFile(path, tinyMmdb([{ network: '198.51.100.0', bits: 24, latitude: 91, longitude: 0 }]));
    expect((await openGeoDatabase(path)).placeOf('198.51.100.77')).toBeNull();
  });
  it('says what is wrong with a file that is none', async () => {
    const path = join(folder, 'broken.mmdb');
    await writeFile(path, 'broken');
    await expect(openGeoDatabase(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(openGeoDatabase(join(folder, 'none.mmdb'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
