// The workflow `shadowLoop`: its input and the messages that it takes.
import { z } from 'zod';
import type { Fingerprint } from '../../domain/fingerprint/model.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import type { DesktopConstraints } from '../../domain/model/constraints.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import type { Policy } from '../../domain/model/policy.js';
import type { PlanResult } from '../../domain/placement/request/model.js';
import { OPERATORS } from './drain.js';
import { Nothing, query, signal, update, type Query, type Update } from './message.js';
import { CreateEnded } from './create.js';
import { MoveEnded } from './move.js';
import {
  ApplyMoves,
  ConstrainDesktop,
  CreateDesktop,
  DefinitionAsk,
  DesktopPower,
  EditDesktop,
  EnrollClients,
  PlanAsk,
  PolicyChange,
  RemoveDesktop,
  RequestMove,
  RetryMoves,
  RunCycle,
  type DesktopCreated,
  type DesktopEdited,
  type DesktopRemoved,
  type MoveAccepted,
  type MovesApplied,
  type MovesRetried,
} from './requests.js';
import { DesktopsAsk, type LoopStatus } from './status.js';
import { WINDOWS } from './window.js';

/** `carried` is the loop's own state from the run before (carried.ts reads it); an operator leaves it out. */
export const ShadowLoopInput = z.object({ cloud: CloudConfig, carried: z.unknown().optional() });
export type ShadowLoopInput = z.infer<typeof ShadowLoopInput>;
/** The workflow's type, for handles and starts that are typed. */
export type ShadowLoop = (input: ShadowLoopInput) => Promise<void>;

const requestMove: Update<typeof RequestMove, MoveAccepted> = update('requestMove', RequestMove);
const createDesktop: Update<typeof CreateDesktop, DesktopCreated> = update('createDesktop', CreateDesktop);
const desktopPower: Update<typeof DesktopPower, void> = update('desktopPower', DesktopPower);
const editDesktop: Update<typeof EditDesktop, DesktopEdited> = update('editDesktop', EditDesktop);
const removeDesktop: Update<typeof RemoveDesktop, DesktopRemoved> = update('removeDesktop', RemoveDesktop);
const enrollClients: Update<typeof EnrollClients, void> = update('enrollClients', EnrollClients);
const makePlan: Update<typeof PlanAsk, PlanResult> = update('makePlan', PlanAsk);
const applyMoves: Update<typeof ApplyMoves, MovesApplied> = update('applyMoves', ApplyMoves);
const constrainDesktop: Update<typeof ConstrainDesktop, DesktopConstraints> = update(
  'constrainDesktop',
  ConstrainDesktop,
);
const setPolicy: Update<typeof PolicyChange, Policy> = update('setPolicy', PolicyChange);
const setCloud: Update<typeof CloudConfig, void> = update('setCloud', CloudConfig);
const retryMoves: Update<typeof RetryMoves, MovesRetried> = update('retryMoves', RetryMoves);
const status: Query<typeof DesktopsAsk, LoopStatus> = query('status', DesktopsAsk);
const policy: Query<typeof Nothing, Policy> = query('policy', Nothing);
const cloud: Query<typeof Nothing, CloudConfig> = query('cloud', Nothing);
const fingerprints: Query<typeof DesktopsAsk, Fingerprint[]> = query('fingerprints', DesktopsAsk);

const definition: Query<typeof DefinitionAsk, DesktopDefinition | null> = query('definition', DefinitionAsk);

export const LOOP = {
  requestMove,
  /** Moves that are held back are tried again by the next plan. */
  retryMoves,
  createDesktop,
  desktopPower,
  /** Refused for one that runs or is in a move; answers with what then differs. */
  editDesktop,
  /** For ever; refused for one that runs or is in a move. */
  removeDesktop,
  enrollClients,
  /** Answers with all that then constrains it. */
  constrainDesktop,
  /** Plan on fresh reports without acting. */
  makePlan,
  /** Start moves of an earlier plan, one wave at a time within the limits, as far as they are still true. */
  applyMoves,
  /** Answers with the policy as it then is. */
  setPolicy,
  setCloud,
  ...OPERATORS,
  ...WINDOWS,
  status,
  policy,
  /** As the manager that started last has it from vmshadow.yaml. */
  cloud,
  /** Of the last cycle. */
  fingerprints,
  /** Of one desktop, as its host has it; null where no host has it. */
  definition,
  moveEnded: signal('moveEnded', MoveEnded),
  createEnded: signal('createEnded', CreateEnded),
  /** Have a cycle at once. */
  runCycle: signal('runCycle', RunCycle),
} as const;
