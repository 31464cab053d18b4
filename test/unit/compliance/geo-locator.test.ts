import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGeoDatabase } from '../../../drivers/solver/geo-database.js';
import { fakeGeoLocator } from '../../../lab/fakes/fake-geo-locator.js';
import { describeGeoLocator } from '../../compliance/geo-locator.js';
import { tinyMmdb } from '../../support/tiny-mmdb.js';

describeGeoLocator('the fake', async (places) => fakeGeoLocator(places));

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'geo-'))));
afterAll(() => rm(folder, { recursive: true }));

describeGeoLocator('the reader of an MMDB file', async (places) => {
  const path = join(folder, `${Object.keys(places).length}.mmdb`);
  const ranges = Object.entries(places).map(([cidr, place]) => {
    const [network = '', bits] = cidr.split('/');
    return { network, bits: Number(bits), ...place };
  });
  await writeFile(path, tinyMmdb(ranges));
  return openGeoDatabase(path);
});
