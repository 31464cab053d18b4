import { parseMachines, parseVersion } from '../../../../drivers/qemu/process/info.js';
import { stateOf } from '../../../../drivers/qemu/process/desktops.js';

describe('what QEMU tells of itself', () => {
  it('holds its version and machine types', () => {
    expect(parseVersion('QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright')).toBe('10.0.2');
    expect(() => parseVersion('bash: not found')).toThrow(/no version in it/);
    expect(parseMachines('Supported machines are:\npc    Standard PC (alias)\nq35   Standard PC\n')).toEqual([
      'pc',
      'q35',
    ]);
  });

  it.each([
    ['running', 'running'],
    ['inmigrate', 'incoming'],
    ['postmigrate', 'postmigrate'],
    ['finish-migrate', 'paused'],
    ['paused', 'paused'],
    ['io-error', 'out-of-space'],
    ['shutdown', 'stopped'],
    ['internal-error', 'crashed'],
  ])('translates the run state %s to %s', (theirs, ours) => {
    expect(stateOf(theirs)).toBe(ours);
  });
});
