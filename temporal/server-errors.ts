// What a Temporal server or the way to it may answer instead of what was asked, told apart by gRPC's status and by the names of the SDK's
// errors alone (they cross realms); and one message for each that an operator can do something about.
import { status as GrpcStatus } from '@grpc/grpc-js';
import { messageOf, VmshadowError } from '../domain/errors.js';

interface FailureShape {
  readonly name?: string;
  readonly cause?: unknown;
}

function asFailure(error: unknown): FailureShape | null {
  return typeof error === 'object' && error !== null ? error : null;
}

/** Tell whether a Temporal client error, or one of its causes, has one of these names. */
export function isNamed(error: unknown, ...names: string[]): boolean {
  for (let e = asFailure(error), depth = 0; e !== null && depth < 10; e = asFailure(e.cause), depth++)
    if (e.name !== undefined && names.includes(e.name)) return true;
  return false;
}

/** gRPC status of an error or one of its causes; null when there is none. */
export function grpcStatusOf(error: unknown): number | null {
  for (let e = asFailure(error), depth = 0; e !== null && depth < 10; e = asFailure(e.cause), depth++) {
    const code = (e as { code?: unknown }).code;
    if (typeof code === 'number') return code;
  }
  return null;
}

/** Tell whether the SDK says that there is no such namespace. */
export function isNoNamespace(error: unknown): boolean {
  return isNamed(error, 'NamespaceNotFoundError');
}

/** The error for a namespace that the server does not have. */
export function noNamespace(cause: unknown, namespace: string, address: string): VmshadowError {
  return new VmshadowError(
    'CONFIG_INVALID',
    `there is no namespace ${namespace} at the Temporal server ${address}. Make it (\`temporal operator namespace create ${namespace} --retention 30d\`), ` +
      'or set TEMPORAL_NAMESPACE to the one that the pool is in.',
    { cause },
  );
}

/** The error for a server that refuses whoever asks; null where that is not what went wrong. */
export function notAllowed(error: unknown, address: string): VmshadowError | null {
  const status = grpcStatusOf(error);
  if (status !== GrpcStatus.PERMISSION_DENIED && status !== GrpcStatus.UNAUTHENTICATED) return null;
  return new VmshadowError(
    'CONFIG_INVALID',
    `the Temporal server ${address} refuses us (${messageOf(error)}). Look at TEMPORAL_API_KEY or the TEMPORAL_TLS_* variables, and at what that key or certificate may do.`,
    { cause: error },
  );
}

/** The error for a server that is there and took longer than `ms` to answer what it knows by itself. */
export function slowServer(error: unknown, address: string, ms: number): VmshadowError {
  return new VmshadowError(
    'CONTROL_PLANE',
    `the Temporal server ${address} is there and has not answered within ${String(ms / 1000)} s (${messageOf(error)}): it or its database is overloaded, or the way there is. Moves and desktops go on; try again, and look at the server's own metrics.`,
    { cause: error },
  );
}
