// The workflow `createDesktop`: its input, what it answers, the messages that it takes.
import { z } from 'zod';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { DesktopId, HostRef, PoolId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { Nothing, query, signal, type Query } from './message.js';

export const CreateInput = z.object({
  pool: PoolId,
  host: HostRef,
  definition: DesktopDefinition,
  image: z.string().min(1).nullable(),
  clients: z.array(PublicKey),
  start: z.boolean(),
});
export type CreateInput = z.infer<typeof CreateInput>;

/** The workflow's type, for handles and starts that are typed. */
export type CreateDesktopWorkflow = (input: CreateInput) => Promise<CreateStatus>;

const CREATE_OUTCOMES = ['made', 'cancelled', 'failed'] as const;

/** How a creation stands, and what its result carries. */
export interface CreateStatus {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  /** `cancelled` and `failed`: nothing is left of it, unless the error says so. */
  readonly outcome: 'running' | (typeof CREATE_OUTCOMES)[number];
  /** What goes on, for people. */
  readonly note: string;
  readonly startedAtMs: number;
  readonly progress: CreateProgress;
  readonly internal: string;
  /** Once it is made. */
  readonly external: string | null;
  readonly remoteDesktopPort: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const amount = z.number().min(0);
const Progress = z.object({ doneBytes: amount, totalBytes: amount });
/** How far the copy of the image is, zeros included; 0 of 0 until it is known. */
export type CreateProgress = z.infer<typeof Progress>;

/** What a creation says to its loop when it has ended. */
export const CreateEnded = z.object({
  desktop: DesktopId,
  outcome: z.enum(CREATE_OUTCOMES),
  external: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type CreateEnded = z.infer<typeof CreateEnded>;

const status: Query<typeof Nothing, CreateStatus> = query('status', Nothing);

export const CREATE = {
  status,
  /** From the activity that copies. */
  progress: signal('progress', Progress.partial()),
  /** End it, and remove what it has made. */
  cancelCreate: signal('cancelCreate', Nothing),
} as const;
