import {
  InterceptingCall,
  Metadata,
  status as GrpcStatus,
  type InterceptorOptions,
  type StatusObject,
} from '@grpc/grpc-js';
import { makeGrpcRetryInterceptor } from '@temporalio/client';
import { endedWhenClosed } from '../../../temporal/connection.js';

/** A call that is refused as soon as it is begun. */
function refused(): InterceptingCall {
  return new InterceptingCall({
    start: (metadata, listener) => {
      listener?.onReceiveMessage?.(null);
      listener?.onReceiveStatus?.({ code: GrpcStatus.UNAVAILABLE, details: 'refused', metadata });
    },
    sendMessage: () => undefined,
    sendMessageWithContext: () => undefined,
    halfClose: () => undefined,
    cancelWithStatus: () => undefined,
    getPeer: () => '',
    getAuthContext: () => null,
    startRead: () => undefined,
  });
}

describe('a connection to Temporal', () => {
  it('ends a call as cancelled that is tried again after it was closed', async () => {
    const retry = makeGrpcRetryInterceptor({
      retryableDecider: (_attempt, { code }) => code === GrpcStatus.UNAVAILABLE,
      delayFunction: () => 1,
    });
    const tries: string[] = [];
    const status = await new Promise<StatusObject>((resolve) => {
      const options = {} as InterceptorOptions;
      const call = retry(options, () =>
        endedWhenClosed(options, () => {
          tries.push('tried');
          if (tries.length > 1) throw new Error('Channel has been shut down');
          return refused();
        }),
      );
      call.start(new Metadata(), { onReceiveMessage: () => undefined, onReceiveStatus: resolve });
      call.sendMessage({});
      call.halfClose();
    });
    expect(tries).toHaveLength(2);
    expect(status).toMatchObject({ code: GrpcStatus.CANCELLED, details: 'Channel has been shut down' });
  });
});
