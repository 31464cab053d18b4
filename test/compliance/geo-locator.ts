// What ports/geo-locator.ts promises, as claims about any database of places.
import type { Place } from '../../domain/users/geography.js';
import type { GeoLocator } from '../../ports/geo-locator.js';

const boston = { latitude: 42.36, longitude: -71.06 };
const sydney = { latitude: -33.9, longitude: 151.2 };
const nullIsland = { latitude: 0, longitude: 0 };
const dateLine = { latitude: 90, longitude: 180 };
const PLACES: Readonly<Record<string, Place>> = {
  '198.51.100.0/24': boston,
  '203.0.113.128/25': sydney,
  '192.0.2.0/31': nullIsland,
  '192.0.2.255/32': dateLine,
};

/** Describe a database of places, IPv4 ranges that do not overlap; `make` gives one that holds the places. */
export function describeGeoLocator(
  name: string,
  make: (places: Readonly<Record<string, Place>>) => Promise<GeoLocator>,
): void {
  describe(`${name} keeps what the geo locator port promises`, () => {
    let geo: GeoLocator;
    beforeAll(async () => (geo = await make(PLACES)));

    it.each([
      ['198.51.100.77', boston],
      ['198.51.100.0', boston],
      ['198.51.100.255', boston],
      ['203.0.113.128', sydney],
      ['203.0.113.255', sydney],
      ['192.0.2.255', dateLine],
    ])('places %s, inside or at the edge of a range', (address, place) => {
      expect(geo.placeOf(address)).toEqual(place);
    });

    it('takes the place at 0, 0 for a place', () => {
      expect(geo.placeOf('192.0.2.1')).toEqual(nullIsland);
    });

    it.each(['198.51.99.255', '198.51.101.0', '203.0.113.127', '192.0.2.2', '192.0.2.254'])(
      'knows no place of %s, just beside a range',
      (address) => {
        expect(geo.placeOf(address)).toBeNull();
      },
    );

    it.each(['10.0.0.1', '127.0.0.1', '0.0.0.0', '255.255.255.255', '2001:db8::1', '::1'])(
      'knows no place of %s, which no range holds',
      (address) => {
        expect(geo.placeOf(address)).toBeNull();
      },
    );

    it.each(['', 'not an address', '198.51.100', '198.51.100.256', '198.51.100.77/24', ' 198.51.100.77'])(
      'knows no place of "%s", which is no address',
      (address) => {
        expect(geo.placeOf(address)).toBeNull();
      },
    );

    it('answers the same to the same question, whatever was done to an answer', () => {
      Object.assign(geo.placeOf('198.51.100.77') ?? {}, sydney);
      expect(geo.placeOf('198.51.100.77')).toEqual(boston);
    });

    it('knows nobody where it holds nothing', async () => {
      expect((await make({})).placeOf('198.51.100.77')).toBeNull();
    });
  });
}
