import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { VmshadowError } from '../../../../domain/errors.js';
import { blameOf, type FailedStep } from '../../../../domain/migration/blame.js';
import { failedStep, toApplicationFailure } from '../../../../temporal/contract/failures.js';

const step = (activity: string | null, code: string, more: Partial<FailedStep> = {}): FailedStep => ({
  step: activity,
  code,
  timedOut: false,
  ofHosts: false,
  ...more,
});

describe('blameOf', () => {
  it.each<[string, FailedStep, string]>([
    ['a CPU that does not fit', step('reserveTarget', 'PEER_REFUSED', { ofHosts: true }), 'hosts'],
    ['a machine type that the target lacks', step('reserveTarget', 'PEER_REFUSED'), 'move'],
    ['a target without room', step('reserveTarget', 'NO_CAPACITY'), 'move'],
    ['a target whose dom0 is gone', step('reserveTarget', 'HOST_UNREACHABLE', { timedOut: true }), 'target'],
    ['a target that cannot start a process', step('prepareIncoming', 'QMP'), 'target'],
    ['a target without disk', step('prepareReplica', 'OUT_OF_SPACE'), 'target'],
    ['a source that cannot ping the target', step('checkSource', 'HOST_UNREACHABLE'), 'hosts'],
    ['a source whose dom0 is gone', step('checkSource', 'HOST_UNREACHABLE', { timedOut: true }), 'source'],
    ['a link that breaks', step('copyMemory', 'LINK_LOST'), 'hosts'],
    ['a guest that dirties too fast', step('copyMemory', 'CONVERGENCE'), 'desktop'],
    ['a desktop that is down', step('checkSource', 'DESKTOP_DOWN'), 'desktop'],
    ['an uplink that cannot be capped', step('copyDisk', 'PREREQUISITE'), 'source'],
    ['a copy that broke', step('copyDisk', 'DISK_COPY'), 'move'],
    ['what nobody foresaw', step(null, 'INTERNAL'), 'move'],
    ['a link that broke in no step of ours', step(null, 'LINK_LOST'), 'move'],
  ])('of %s', (_, failed, blame) => {
    expect(blameOf(failed)).toBe(blame);
  });
});

describe('failedStep', () => {
  const ofActivity = (name: string, cause: Error) =>
    new ActivityFailure('failed', name, '1', 'NON_RETRYABLE_FAILURE', undefined, cause);

  it('finds the activity, the code and that the hosts do not go together', () => {
    const thrown = new VmshadowError('PEER_REFUSED', 'no', { details: { ofHosts: true } });
    expect(failedStep(ofActivity('reserveTarget', toApplicationFailure(thrown)))).toEqual(
      step('reserveTarget', 'PEER_REFUSED', { ofHosts: true }),
    );
  });

  it('finds that a host was given up', () => {
    const late = new TimeoutFailure('late', undefined, 'SCHEDULE_TO_START');
    expect(failedStep(ofActivity('checkSource', late))).toEqual(
      step('checkSource', 'HOST_UNREACHABLE', { timedOut: true }),
    );
  });

  it('finds no activity where none failed', () => {
    expect(failedStep(ApplicationFailure.create({ message: 'x' })).step).toBeNull();
  });
});
