// The command line of the benchmarks.
import { z } from 'zod';
import { checkOptions, NoOptions, parseBenchCommand } from '../../../bench/command-line.js';

const names = ['placement', 'oscillation'];

describe('parseBenchCommand', () => {
  it('splits the name from what is given to the benchmark', () => {
    expect(parseBenchCommand(['placement', '--quick'], names)).toEqual({
      name: 'placement',
      given: { quick: true },
    });
  });

  it('hands further names on', () => {
    expect(parseBenchCommand(['placement', 'folder'], names)).toEqual({
      name: 'placement',
      given: { positionals: ['folder'] },
    });
  });

  it.each([
    [[], 'no benchmark is named'],
    [['speed'], 'there is no benchmark speed'],
  ])('refuses %j', (argv, problem) => {
    expect(parseBenchCommand(argv, names)).toEqual({ problem });
  });
});

describe('checkOptions', () => {
  const Options = z.strictObject({ quick: z.boolean().default(false) });

  it('fills in what is not given', () => {
    expect(checkOptions(Options, {})).toEqual({ options: { quick: false } });
  });

  it('names every unknown option', () => {
    expect(checkOptions(Options, { slow: true, x: 'y' })).toEqual({
      problem: 'unknown option --slow, unknown option --x',
    });
    expect(checkOptions(NoOptions, { quick: true })).toEqual({ problem: 'unknown option --quick' });
  });

  it('refuses further names where none are expected', () => {
    expect(checkOptions(NoOptions, { positionals: ['x'] })).toEqual({ problem: 'it takes no further names' });
  });

  it('refuses a value where a flag is expected', () => {
    expect(checkOptions(Options, { quick: 'yes' })).toHaveProperty(
      'problem',
      expect.stringContaining('--quick: '),
    );
  });
});
