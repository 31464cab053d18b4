import fc from 'fast-check';
import { isVmshadowError } from '../../../../domain/errors.js';
import { readXml } from '../../../../cli/import/xml.js';

const read = (text: string | Uint8Array) =>
  readXml(typeof text === 'string' ? Buffer.from(text) : text, 'x.xml');

it('reads elements, attributes and texts', () => {
  expect(
    read(
      `<?xml version="1.0" encoding="UTF-8"?><!-- c --><a x="1 &amp; 2"><b> t <![CDATA[<&>]]></b><b/></a>`,
    ),
  ).toEqual({
    name: 'a',
    attributes: { x: '1 & 2' },
    text: '',
    children: [
      { name: 'b', attributes: {}, text: 't <&>', children: [] },
      { name: 'b', attributes: {}, text: '', children: [] },
    ],
  });
});

const lol = Array.from(
  { length: 9 },
  (_, i) => `<!ENTITY l${String(i + 1)} "${`&l${String(i)};`.repeat(10)}">`,
).join('');

it.each<[string, string | Uint8Array, RegExp]>([
  ['a bomb of entities', `<!DOCTYPE d [<!ENTITY l0 "lol">${lol}]><d>&l9;</d>`, /document type/],
  [
    'a file as an entity',
    '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/shadow">]><d>&f;</d>',
    /document type/,
  ],
  ['an external document type', '<!DOCTYPE d PUBLIC "-//X" "http://192.0.2.1/x.dtd"><d/>', /document type/],
  ['an entity that nobody declared', '<d>&nbsp;</d>', /not well-formed/],
  ['UTF-16', Buffer.from('\ufeff<d/>', 'utf16le'), /not UTF-8|not well-formed/],
  ['Latin 1 bytes', Buffer.from('<d a="B\u00fcro"/>', 'latin1'), /not UTF-8/],
  ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><d/>', /encoding is ISO-8859-1/],
  ['what is too large', `<d>${' '.repeat(2 ** 20)}</d>`, /larger than/],
  ['what is too deep', '<d>'.repeat(1_000), /deep/],
  ['too many elements', `<d>${'<e/>'.repeat(30_000)}</d>`, /more than 20000 elements/],
  ['two roots', '<d/><e/>', /not well-formed/],
  ['an open element', '<d><e></d>', /not well-formed/],
  ['one attribute twice', '<d a="1" a="2"/>', /not well-formed/],
  ['bytes of a null', '<d>\u0000</d>', /not well-formed/],
  ['nothing', '', /not well-formed|no element/],
  ['YAML', 'memoryMiB: 2048', /not well-formed/],
])('refuses %s', (_, text, message) => expect(() => read(text)).toThrow(message));

it('does not take names for those of a prototype', () => {
  const element = read('<d __proto__="1" constructor="2"><__proto__/></d>');
  expect(Object.keys(element.attributes)).toContain('constructor');
  expect(({} as Record<string, unknown>)['1']).toBeUndefined();
});

it('answers any bytes with an element or a refusal', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', '<a>', '<!DOCTYPE', '<?xml ', '<a b="'),
      (bytes, start) => {
        try {
          read(Buffer.concat([Buffer.from(start), bytes]));
        } catch (error) {
          expect(isVmshadowError(error)).toBe(true);
        }
      },
    ),
    { numRuns: 200 },
  );
});
