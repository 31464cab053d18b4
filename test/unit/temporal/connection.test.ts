import { Metadata, status as GrpcStatus, type InterceptorOptions, type StatusObject } from '@grpc/grpc-js';
import { makeGrpcRetryInterceptor } from '@temporalio/client';
import { endedWhenClosed } from '../../../temporal/connection.js';

/** Make a call over a closed channel that is tried `most` times; gives how it ends, and how often it was tried. */
async function call(most: number): Promise<{ status: StatusObject; tries: number }> {
  const retry = makeGrpcRetryInterceptor({
    retryableDecider: (attempt) => attempt < most,
    delayFunction: () => 1,
  });
  let tries = 0;
  const status = await new Promise<StatusObject>((resolve) => {
    const options = {} as InterceptorOptions;
    const call = retry(options, () =>
      endedWhenClosed(options, () => {
        tries++;
        throw new Error('Channel has been shut down');
      }),
    );
    call.start(new Metadata(), { onReceiveMessage: () => undefined, onReceiveStatus: resolve });
    call.sendMessage({});
    call.halfClose();
  });
  return { status, tries };
}

describe('a connection to Temporal that is closed', () => {
  it.each([1, 3])(
    'ends a call as cancelled, also where it is tried again by a timer (%i times)',
    async (most) => {
      expect(await call(most)).toEqual({
        tries: most,
        status: expect.objectContaining({
          code: GrpcStatus.CANCELLED,
          details: 'Channel has been shut down',
        }),
      });
    },
  );
});
