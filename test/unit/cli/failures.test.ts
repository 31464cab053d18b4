import { problemOf, refusal, usageError } from '../../../cli/failures.js';
import { grpcStatusOf, isNamed } from '../../../temporal/server-errors.js';
import { VmshadowError, type ErrorCode } from '../../../domain/errors.js';

describe('exit codes', () => {
  it.each<[ErrorCode, number]>([
    ['CONFIG_INVALID', 78],
    ['INPUT_INVALID', 65],
    ['CONTROL_PLANE', 69],
    ['PREREQUISITE', 69],
    ['INTERNAL', 70],
    ['RECORD_UNREADABLE', 74],
    ['UNKNOWN_DESKTOP', 1],
    ['MOVE_IN_PROGRESS', 1],
    ['NO_CAPACITY', 1],
  ])('%s that arose here ends with %p', (code, exit) => {
    expect(problemOf(new VmshadowError(code, 'x'))).toMatchObject({ code, message: 'x', exit });
  });

  it('tell a bad command line (64) from a bad file (65)', () => {
    expect(problemOf(usageError('x')).exit).toBe(64);
    expect(problemOf(new VmshadowError('INPUT_INVALID', 'x')).exit).toBe(65);
  });

  it('say 1 for whatever a workflow refuses', () => {
    expect(problemOf(refusal({ code: 'UNKNOWN_SITE', message: 'no site x' }, null))).toMatchObject({
      code: 'UNKNOWN_SITE',
      message: 'no site x',
      exit: 1,
    });
    expect(problemOf(refusal({ code: 'INPUT_INVALID', message: 'bad' }, null)).exit).toBe(1);
  });

  it('call a code that nobody knows, and anything else thrown, a defect of ours', () => {
    expect(problemOf(refusal({ code: 'WHAT', message: 'm' }, null))).toMatchObject({
      code: 'INTERNAL',
      exit: 70,
    });
    expect(problemOf(new TypeError('x is not a function'))).toMatchObject({ exit: 70, unexpected: true });
    expect(problemOf('text').message).toContain('internal error: text');
  });
});

describe('errors of the Temporal client', () => {
  const error = Object.assign(new Error('outer'), {
    cause: Object.assign(new Error('inner'), { name: 'WorkflowNotFoundError', code: 5 }),
  });

  it('are found by name and gRPC status through their causes', () => {
    expect(isNamed(error, 'WorkflowNotFoundError')).toBe(true);
    expect(isNamed(error, 'Other')).toBe(false);
    expect(grpcStatusOf(error)).toBe(5);
    expect(grpcStatusOf(new Error('x'))).toBeNull();
  });

  it('may point at themselves without hanging us', () => {
    const loop: { name: string; cause?: unknown } = { name: 'Loop' };
    loop.cause = loop;
    expect(isNamed(loop, 'Other')).toBe(false);
    expect(grpcStatusOf(loop)).toBeNull();
  });
});
