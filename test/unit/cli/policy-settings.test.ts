import { listSettings, parsePolicySettings, policyLeaves } from '../../../cli/policy-settings.js';
import { Policy } from '../../../domain/model/policy.js';

const problemsOf = (...words: string[]) => {
  try {
    parsePolicySettings(words);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('accepted');
};

describe('vmshadow policy set', () => {
  it('makes a partial policy of dotted keys', () => {
    expect(parsePolicySettings(['placement.highThreshold=0.5', 'act=false', 'migration.graceMs=0'])).toEqual({
      placement: { highThreshold: 0.5 },
      act: false,
      migration: { graceMs: 0 },
    });
  });

  it('takes the last part of a key where only one setting has it', () => {
    expect(parsePolicySettings(['msPerGB=3', 'weights.ports=0.2'])).toEqual({
      placement: { msPerGB: 3 },
      fingerprint: { weights: { ports: 0.2 } },
    });
  });

  it('takes a setting by its name of a release before', () => {
    for (const name of ['msPerGb', 'placement.msPerGb'])
      expect(parsePolicySettings([`${name}=3`])).toEqual({ placement: { msPerGB: 3 } });
  });

  it('takes lists with commas, and names as they are', () => {
    expect(parsePolicySettings(['sensitivePorts=1935,554', 'algorithm=cost-aware'])).toEqual({
      fingerprint: { sensitivePorts: [1935, 554] },
      placement: { algorithm: 'cost-aware' },
    });
  });

  it('lists every problem at once', () => {
    const text = problemsOf('nonsense=1', 'highThreshold=2', 'act=maybe', 'x', 'algorithm=magic');
    expect(text).toContain('5 problems');
    for (const part of [
      'nonsense: there is no such setting',
      'placement.highThreshold:',
      'act:',
      'x: expected KEY=VALUE',
      'placement.algorithm:',
    ])
      expect(text).toContain(part);
  });

  it('refuses nothing at all, and groups', () => {
    expect(problemsOf()).toContain('at least one');
    expect(problemsOf('placement={}')).toContain('no such setting');
    expect(problemsOf('__proto__=1')).toContain('no such setting');
  });
});

describe('vmshadow policy show', () => {
  it('shows every setting of the schema with the value in force', () => {
    const settings = new Map(listSettings(Policy.parse({ placement: { highThreshold: 0.7 } })));
    expect([...settings.keys()]).toEqual([...policyLeaves().keys()]);
    expect(settings.get('placement.highThreshold')).toBe('0.7');
    expect(settings.get('act')).toBe('true');
    expect([...settings.values()]).not.toContain('-');
  });
});
