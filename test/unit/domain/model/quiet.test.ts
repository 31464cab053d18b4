import { lastLineOf, quietNote } from '../../../../domain/model/quiet.js';

it.each<[string, string | null]>([
  ['', null],
  ['\r\n \r\n', null],
  ['SeaBIOS (version 1.16.3)\r\n\r\nNo bootable device.\r\n', 'No bootable device.'],
  ['\u001b[1;32m[  OK  ]\u001b[0m Started sshd.\r\n\u001b[2J\u001b[H', '[  OK  ] Started sshd.'],
  ['login: ', 'login:'],
  ['a\u0007b\u0000c', 'a b c'],
  ['ok:\u202edetrevni\u2066', 'ok: detrevni'],
  ['x'.repeat(500), 'x'.repeat(120)],
])('of %j the last line is %j', (text, line) => expect(lastLineOf(text)).toBe(line));

it('says nothing before two minutes, and that the console was silent, too', () => {
  expect(quietNote({ forMs: 119_999, lastLine: null })).toBeNull();
  expect(quietNote({ forMs: 120_000, lastLine: null })).toMatch(/no packet 2 minutes .*said nothing$/);
});
