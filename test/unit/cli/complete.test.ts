import { complete } from '../../../cli/complete.js';
import { buildProgram } from '../../../cli/program.js';
import { EXIT } from '../../../cli/exit-codes.js';

const silent = { out: () => undefined, note: () => undefined, interactive: false, ask: null, env: {} };
const program = buildProgram(silent, { exit: EXIT.ok });
const names = {
  desktop: ['video', 'text'],
  site: ['us-west'],
  host: ['h1'],
  place: ['us-west', 'us-west/h1'],
};
const offered = (line: string) =>
  complete(program, line.split(' ').slice(1), (kind) => Promise.resolve(names[kind]));

describe('completion', () => {
  it.each([
    ['vmshadow dra', ['drain']],
    ['vmshadow __', []],
    ['vmshadow desktop st', ['start', 'stop']],
    ['vmshadow move ', ['text', 'video']],
    ['vmshadow move vi', ['video']],
    ['vmshadow move video ', ['us-west']],
    ['vmshadow move video us-west ', []],
    ['vmshadow move --deadline 5min video ', ['us-west']],
    ['vmshadow move --force video ', ['us-west']],
    ['vmshadow move video us-west --host ', ['h1']],
    ['vmshadow move --dea', ['--deadline']],
    ['vmshadow drain us-west/', ['us-west/h1']],
    ['vmshadow desktop stop ', ['text', 'video']],
    ['vmshadow status ra', ['rank:']],
    ['vmshadow status site:us-west ra', ['rank:']],
    ['vmshadow manager --config ', []],
  ])('offers for "%s" %j', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });
});
