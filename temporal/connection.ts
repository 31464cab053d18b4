// Connections to Temporal. Addresses, namespaces, TLS and API keys come from the standard TEMPORAL_* variables or a profile file
// (@temporalio/envconfig), for clients and workers alike; with nothing set, the embedded server's default address.
import { InterceptingCall, status as GrpcStatus, type Interceptor } from '@grpc/grpc-js';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection } from '@temporalio/worker';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { dataConverter } from './codec.js';

/** Long enough for a server across an ocean, short enough for a person who waits. */
const CONNECT_TIMEOUT_MS = 5_000;

function settings() {
  const config = loadClientConnectConfig();
  return {
    ...config,
    address: config.connectionOptions.address ?? 'localhost:7233',
    namespace: config.namespace ?? 'default',
  };
}

function unreachable(address: string, error: unknown): VmshadowError {
  return new VmshadowError(
    'CONTROL_PLANE',
    `no Temporal server answers at ${address} (${messageOf(error)}). Start one with \`vmshadow dev\`, or set TEMPORAL_ADDRESS to yours.`,
    { cause: error },
  );
}

/**
 * Ends a call as cancelled whose connection is closed. A retry that was waiting when it was closed begins a call from its timer, where the
 * error that gRPC throws then would end the process.
 */
export const endedWhenClosed: Interceptor = (options, nextCall) => {
  try {
    return new InterceptingCall(nextCall(options));
  } catch (error) {
    const details = messageOf(error);
    return new InterceptingCall({
      start: (metadata, listener) =>
        listener?.onReceiveStatus?.({ code: GrpcStatus.CANCELLED, details, metadata }),
      sendMessage: () => undefined,
      sendMessageWithContext: () => undefined,
      halfClose: () => undefined,
      cancelWithStatus: () => undefined,
      getPeer: () => '',
      getAuthContext: () => null,
      startRead: () => undefined,
    });
  }
};

/** Connect a client; throws CONTROL_PLANE within some 5 s when no server answers. */
export async function connectClient(): Promise<Client> {
  const { connectionOptions, namespace, address } = settings();
  const converter = dataConverter();
  try {
    const connection = await Connection.connect({
      ...connectionOptions,
      connectTimeout: CONNECT_TIMEOUT_MS,
      interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), endedWhenClosed],
    });
    return new Client({ connection, namespace, dataConverter: converter });
  } catch (error) {
    throw unreachable(address, error);
  }
}

/** Connect a worker; throws CONTROL_PLANE when no server answers. */
export async function connectWorker(): Promise<{
  connection: NativeConnection;
  namespace: string;
  address: string;
}> {
  const { connectionOptions, namespace, address } = settings();
  try {
    // Not at the top: the native core takes half a second to load, which a command that only asks must not wait for.
    const worker = await import('@temporalio/worker');
    return { connection: await worker.NativeConnection.connect(connectionOptions), namespace, address };
  } catch (error) {
    throw unreachable(address, error);
  }
}
