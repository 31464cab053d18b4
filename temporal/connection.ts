// Connections to Temporal. Addresses, namespaces, TLS and API keys come from the standard TEMPORAL_* variables or a profile file
// (@temporalio/envconfig), for clients and workers alike; with nothing set, the embedded server's default address.
import { setTimeout as sleep } from 'node:timers/promises';
import { InterceptingCall, status as GrpcStatus, type Interceptor } from '@grpc/grpc-js';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection } from '@temporalio/worker';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { dataConverter } from './codec.js';
import { grpcStatusOf, noNamespace, notAllowed, slowServer } from './server-errors.js';

/** Long enough for a server across an ocean, short enough for a person who waits. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The server knows its namespaces by heart. */
const NAMESPACE_TIMEOUT_MS = 10_000;
/** A server that has only just started answers before it has made its namespaces. */
const NAMESPACE_TRIES = 10;
const NAMESPACE_RETRY_MS = 500;

function settings() {
  const config = loadClientConnectConfig();
  return {
    ...config,
    address: config.connectionOptions.address ?? 'localhost:7233',
    namespace: config.namespace ?? 'default',
  };
}

/** Where the server is that this process is told to use. */
export const temporalAddress = (): string => settings().address;

function unreachable(address: string, error: unknown): VmshadowError {
  const refused = notAllowed(error, address);
  if (refused !== null) return refused;
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
      start: (metadata, listener) => {
        // The interceptor that tries again counts on a message, if only null, before the status.
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: GrpcStatus.CANCELLED, details, metadata });
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

/** Connect a worker; throws CONTROL_PLANE when no server answers (in time), CONFIG_INVALID when it lacks the namespace or refuses us. */
export async function connectWorker(): Promise<{
  connection: NativeConnection;
  namespace: string;
  address: string;
}> {
  const { connectionOptions, namespace, address } = settings();
  let connection: NativeConnection;
  try {
    // Not at the top: the native core takes half a second to load, which a command that only asks must not wait for.
    const worker = await import('@temporalio/worker');
    connection = await worker.NativeConnection.connect(connectionOptions);
  } catch (error) {
    throw unreachable(address, error);
  }
  try {
    await assertNamespace(connection, namespace, address);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return { connection, namespace, address };
}

/** A worker would find out by itself, and say it in words of the SDK's over and over. */
async function assertNamespace(
  connection: NativeConnection,
  namespace: string,
  address: string,
): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      await connection.withDeadline(Date.now() + NAMESPACE_TIMEOUT_MS, () =>
        connection.workflowService.describeNamespace({ namespace }),
      );
      return;
    } catch (error) {
      const status = grpcStatusOf(error);
      // Whoever may work in a namespace need not be allowed to read how it is set up.
      if (status === GrpcStatus.PERMISSION_DENIED) return;
      if (status === GrpcStatus.DEADLINE_EXCEEDED) throw slowServer(error, address, NAMESPACE_TIMEOUT_MS);
      if (status !== GrpcStatus.NOT_FOUND) throw unreachable(address, error);
      if (tries === NAMESPACE_TRIES) throw noNamespace(error, namespace, address);
      await sleep(NAMESPACE_RETRY_MS);
    }
}
