// What operators ask of the shadow loop, and what it answers them.
import { z } from 'zod';
import { CAUSES } from '../../domain/migration/phases.js';
import { DesktopConstraints } from '../../domain/model/constraints.js';
import { DesktopDocument } from '../../domain/model/desktop-document.js';
import { Boot, DesktopDefinition } from '../../domain/model/desktop.js';
import { HARDWARE, hardwareProblems } from '../../domain/model/hardware.js';
import { DesktopId, HostId, HostRef, SiteId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { readsOldNames } from '../../domain/model/old-names.js';
import { PlacementPolicy } from '../../domain/model/policy.js';

/** A year: longer ones are mistakes. */
export const MAX_DEADLINE_MS = 365 * 86_400_000;

export const RequestMove = z.object({
  desktop: DesktopId,
  site: SiteId,
  host: HostId.optional(),
  /** Move although the hysteresis time has not passed, what is held back too, and against its constraints. */
  force: z.boolean().default(false),
  /** It is cancelled by itself where it has not committed by then, milliseconds from now. */
  withinMs: z.number().int().min(1_000).max(MAX_DEADLINE_MS).optional(),
});
export type RequestMove = z.infer<typeof RequestMove>;

export interface MoveAccepted {
  readonly workflowId: string;
  readonly to: HostRef;
}

/** What a host checks and makes for a new desktop; the loop fills in the host and the internal address. */
export const CreateDesktop = readsOldNames(
  z
    .object({
      id: DesktopId,
      site: SiteId,
      host: HostId.optional(),
      /** Path on that host of a raw or qcow2 image to copy; null: an empty disk. Of the first disk, where `disks` says nothing else. */
      image: z.string().min(1).nullable().default(null),
      vcpus: DesktopDefinition.out.shape.vcpus,
      memoryMiB: DesktopDefinition.out.shape.memoryMiB,
      diskMiB: DesktopDefinition.out.shape.diskMiB,
      /** In `append`, `{address}` and `{gateway}` stand for the internal ones that the loop chooses. */
      boot: Boot.default({ kind: 'disk' }),
      machine: DesktopDefinition.out.shape.machine.unwrap().optional(),
      ...HARDWARE,
      remoteDesktopPort: DesktopDefinition.out.shape.remoteDesktopPort,
      /** Ed25519 public keys (base64) of the thin clients' proxies that may follow the desktop. */
      clients: z.array(PublicKey).default([]),
      start: z.boolean().default(true),
      /** Answer when it is made, or after a minute at the latest; false: answer when it has begun. */
      wait: z.boolean().default(true),
    })
    .superRefine((ask, ctx) => {
      for (const [field, message] of hardwareProblems(ask))
        ctx.addIssue({ code: 'custom', path: [field], message });
    }),
);
export type CreateDesktop = z.infer<typeof CreateDesktop>;
/** With what may be left out left out. */
export type CreateDesktopRequest = z.input<typeof CreateDesktop>;

export interface DesktopCreated {
  /** Missing from a loop of a release before. */
  readonly workflowId?: string;
  readonly desktop: DesktopId;
  readonly host: HostRef;
  readonly internal: string;
  /** Empty while it is not made yet: its host chooses it last. */
  readonly external: string;
  readonly remoteDesktopPort: number;
}

/** Which desktop's definition is asked for. */
export const DefinitionAsk = z.object({ desktop: DesktopId });

export const DesktopPower = z.object({ desktop: DesktopId, action: z.enum(['start', 'stop']) });
export type DesktopPower = z.infer<typeof DesktopPower>;

/** What a desktop that does not run is to be from its next start on (domain/model/desktop-edit.ts). */
export const EditDesktop = z.object({ desktop: DesktopId, document: DesktopDocument });
export type EditDesktop = z.infer<typeof EditDesktop>;

export interface DesktopEdited {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  /** One line each. */
  readonly changes: readonly string[];
}

export const RemoveDesktop = z.object({ desktop: DesktopId });
export type RemoveDesktop = z.infer<typeof RemoveDesktop>;

export interface DesktopRemoved {
  readonly desktop: DesktopId;
  /** Where it was. */
  readonly host: HostRef;
}

/** Ed25519 public keys (base64) of thin clients' proxies that may follow a desktop from now on, beside those enrolled before. */
export const EnrollClients = z.object({ desktop: DesktopId, clients: z.array(PublicKey).min(1) });
export type EnrollClients = z.infer<typeof EnrollClients>;

/** What a plan that is only asked for may differ in from the policy. */
export const PlanAsk = readsOldNames(
  z.object({
    algorithm: PlacementPolicy.out.shape.algorithm.unwrap().optional(),
    budgetGB: z.number().min(0).optional(),
    maxMoves: z.number().int().min(0).optional(),
  }),
).prefault({});
export type PlanAsk = z.infer<typeof PlanAsk>;

/** Moves that one request names: as many as a plan's answer has, a few times over. */
const MAX_MOVES_APPLIED = 5_000;

/** Moves of a plan that was made earlier, to be made now as far as they are still true. */
export const ApplyMoves = z.object({
  moves: z
    .array(
      z.object({
        desktop: DesktopId,
        from: HostRef,
        to: HostRef,
        wave: z.number().int().min(1),
        parking: z.boolean().default(false),
        gainMs: z.number(),
        reason: z.string().max(1_000),
        rttBeforeMs: z.number().nullable(),
        rttAfterMs: z.number().nullable(),
      }),
    )
    .max(MAX_MOVES_APPLIED),
  /** Only say what would become of each. */
  dryRun: z.boolean().default(false),
});
export type ApplyMoves = z.infer<typeof ApplyMoves>;

/**
 * What became of a move of a plan: `started`; `waits` for the loop's limits or an earlier wave; `under-way` already; `done`: it is there;
 * `left-out`: not true any more. In a dry run `true`: it would be started in its turn.
 */
export interface MoveApplied {
  readonly desktop: DesktopId;
  readonly to: HostRef;
  readonly wave: number;
  readonly verdict: 'started' | 'waits' | 'under-way' | 'done' | 'left-out' | 'true';
  /** Why it is left out, for programs. */
  readonly why?: string;
  /** Why it is left out or waits, in words. */
  readonly reason?: string;
}

/** In the order of the request. */
export interface MovesApplied {
  readonly moves: readonly MoveApplied[];
}

/** A part of a policy: objects are merged into the one in force key by key, and what comes of it is checked as a whole. */
export const PolicyChange = z.record(z.string(), z.unknown());
export type PolicyChange = z.infer<typeof PolicyChange>;

/** What is to constrain a desktop from now on: each field that is given replaces the one before; `clear` drops all others. */
export const ConstrainDesktop = z.object({
  desktop: DesktopId,
  clear: z.boolean().default(false),
  constraints: DesktopConstraints,
});
export type ConstrainDesktop = z.infer<typeof ConstrainDesktop>;

/** Let the plan try again what is held back: of a desktop, from or to a host, or all. */
export const RetryMoves = z.object({ desktop: DesktopId.optional(), host: HostRef.optional() }).prefault({});
export type RetryMoves = z.infer<typeof RetryMoves>;

export interface MovesRetried {
  /** Holds that were forgotten. */
  readonly forgotten: number;
}

export const RunCycle = z
  .object({ act: z.boolean().default(true), cause: z.enum(CAUSES).default('operator') })
  .prefault({});
export type RunCycle = z.infer<typeof RunCycle>;
