import { humanLine } from '../../../cli/logger.js';

const line = (fields: object) => humanLine(JSON.stringify({ level: 30, time: 0, ...fields }));

describe("a daemon's log on a terminal", () => {
  it('is short: time, level, message, fields', () => {
    expect(line({ msg: 'manager ready', pool: 'main', n: 3 })).toMatch(
      /^\d\d:\d\d:\d\d info {2}manager ready pool=main n=3$/,
    );
  });

  it('shows the message of an error once, without its stack', () => {
    const err = { type: 'Error', message: 'no room', stack: 'Error: no room\n    at x' };
    expect(line({ level: 50, msg: 'move failed', err })).toMatch(/error move failed \(no room\)$/);
    expect(line({ level: 50, msg: 'no room', err })).toMatch(/error no room$/);
  });

  it('lets lines pass that are no JSON', () => {
    expect(humanLine('plain text\n')).toBe('plain text');
  });
});
