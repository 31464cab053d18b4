// What dom0 reports of a desktop's traffic (TrafficWindow), what the rules make of it (Fingerprint) and what they remember
// (FingerprintState). All three pass through Temporal: plain JSON, no NaN, bounded lists. "In" is towards the desktop, "out" from it.
import { z } from 'zod';
import { Port } from '../model/address.js';

const count = z.number().int().min(0);
const ms = z.number().min(0);
const rate = z.number().min(0);
const share = z.number().min(0).max(1);

/** Round trip times, milliseconds, at which frame rate and response time are predicted; anything between is interpolated. */
export const REFERENCE_RTTS_MS = [1, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300] as const;
/** Flows named in a window; the rest is summed up. The remote-desktop flow comes first, the others by bytes. */
export const MAX_FLOWS = 6;
/** Names without an address that a window tells of. */
export const MAX_UNRESOLVED = 4;
/** Reasons kept in a fingerprint. */
export const MAX_REASONS = 12;

export const FlowKey = z.object({
  protocol: z.enum(['tcp', 'udp']),
  desktopPort: Port,
  peerAddress: z.string().min(2).max(45),
  peerPort: Port,
});
export type FlowKey = z.infer<typeof FlowKey>;

/** Bytes are of whole IP packets. */
const TrafficSum = z.object({ bytesIn: count, packetsIn: count, bytesOut: count, packetsOut: count });
type TrafficSum = z.infer<typeof TrafficSum>;

export const FlowCounters = FlowKey.extend(TrafficSum.shape);
export type FlowCounters = z.infer<typeof FlowCounters>;

/** `pull`: a screen update only after a request for it. `push`: updates come by themselves. */
export const ClientMode = z.enum(['pull', 'push', 'unknown']);
export type ClientMode = z.infer<typeof ClientMode>;

/**
 * Why nothing is predicted. `few`: too few updates. `work-or-wait`: the answers take long, and whether that is the server's work or waiting
 * for the screen to change could not be told, though all hinges on it. `beginning`: either of a session that was seen to begin.
 */
export const Doubt = z.enum(['few', 'beginning', 'work-or-wait']);
export type Doubt = z.infer<typeof Doubt>;

const curve = z.array(rate).length(REFERENCE_RTTS_MS.length);

/** A session at REFERENCE_RTTS_MS. `visibleFps` counts updates that the eye can tell apart. */
export const PredictionCurve = z.object({ framesPerSecond: curve, visibleFps: curve, responseMs: curve });
export type PredictionCurve = z.infer<typeof PredictionCurve>;

/** What a few seconds of packet headers say about the remote-desktop flow. */
export const CycleSummary = z.object({
  flow: FlowKey,
  takenAtMs: ms,
  sampleMs: ms,
  mode: ClientMode,
  frames: count,
  framesPerSecond: rate,
  bytesPerFrame: rate,
  /** Requests under way at the same time; 1 for plain pull. */
  outstanding: z.number().min(1),
  /** Medians over the sample; null where no cycle was complete. */
  thinkMs: ms.nullable(),
  burstMs: ms.nullable(),
  turnaroundMs: ms.nullable(),
  distanceLimitedShare: share,
  /** Keystrokes and pointer movements, client messages that ask for no update. */
  inputsPerSecond: rate,
  retransmissions: count,
  rttMs: ms.nullable(),
  rttFrom: z.enum(['timestamps', 'sequence', 'turnaround']).nullable(),
  /** Whether the rate at which the screen changes was seen, or had to be assumed since every cycle was limited by distance. */
  contentKnown: z.boolean(),
  /** At REFERENCE_RTTS_MS. Null where `doubt` says why. */
  predicted: PredictionCurve.nullable(),
  doubt: Doubt.nullable(),
  /** The sample allows two predictions, and this is the one that loses less by distance. */
  lowerBound: z.boolean().default(false),
});
export type CycleSummary = z.infer<typeof CycleSummary>;

export const UserEndpoint = z.object({ address: z.string().min(2).max(45), port: Port });
export type UserEndpoint = z.infer<typeof UserEndpoint>;

/** A server that the policy names, and the peer's address that it has at this site. */
export const ResolvedServer = z.object({
  name: z.string().min(1).max(253),
  address: z.string().min(2).max(45),
});
export type ResolvedServer = z.infer<typeof ResolvedServer>;

const FoundBy = z.enum(['port', 'behaviour']);

/** One desktop, one cycle. */
export const TrafficWindow = z.object({
  desktop: z.string().min(1).max(64),
  startMs: ms,
  endMs: ms,
  flows: z.array(FlowCounters).max(MAX_FLOWS),
  /** Flows that are not named: how many, and what they carried. */
  rest: TrafficSum.extend({ flows: count }),
  /** The flow that shows the screen, when dom0 could tell it: it knows the desktop's own port and has seen headers. */
  remoteDesktop: FlowKey.extend({ foundBy: FoundBy }).nullable(),
  /** Headers were looked at and show no screen: counters that look like one are wrong. */
  headersSeen: z.boolean().optional(),
  /** Where the user is now; not the flow's peer while the connection proxy rewrites it. */
  user: UserEndpoint.nullable(),
  rttMs: ms.nullable(),
  /** Round trip time by the connection proxy's control channel, as a check of the passive one. */
  controlRttMs: ms.optional(),
  cycles: CycleSummary.optional(),
  /** Peers of `flows` that the policy's `sensitiveServers` name, as resolved by this host; one entry an address. */
  resolvedServers: z.array(ResolvedServer).max(MAX_FLOWS).optional(),
  /** Some of the names that this host knows no address of. */
  unresolvedServers: z.array(z.string().max(253)).max(MAX_UNRESOLVED).optional(),
});
export type TrafficWindow = z.infer<typeof TrafficWindow>;

/** MMSys'14 section 4: the three metrics of the paper's rank, each 0 to 1, and the figures behind them. */
export const PaperMetrics = z.object({
  ports: share,
  traffic: share,
  bandwidth: share,
  activePorts: count,
  sensitivePorts: count,
  remoteDesktopKBps: rate,
  totalKBps: rate,
});
export type PaperMetrics = z.infer<typeof PaperMetrics>;

/** What the session would lose at the far reference distance. Scores are 0 to 1. */
export const GainMetrics = z.object({
  refreshLossFps: rate,
  responseLossMs: rate,
  inputsPerSecond: rate,
  refresh: share,
  input: share,
});
export type GainMetrics = z.infer<typeof GainMetrics>;

const RemoteDesktop = FlowKey.extend({
  foundBy: FoundBy,
  kilobytesPerSecond: rate,
});
type RemoteDesktop = z.infer<typeof RemoteDesktop>;

const Session = CycleSummary.pick({
  takenAtMs: true,
  mode: true,
  framesPerSecond: true,
  outstanding: true,
  thinkMs: true,
  turnaroundMs: true,
  distanceLimitedShare: true,
  inputsPerSecond: true,
  rttFrom: true,
  contentKnown: true,
  doubt: true,
  lowerBound: true,
});

export const Fingerprint = z.object({
  desktop: z.string(),
  atMs: ms,
  /** By the policy's mode, smoothed; what placement uses. */
  rank: share,
  /** By the paper's three metrics, smoothed; always there for comparison. */
  rankPaper: share,
  /** The mode that `rank` really comes from: the paper's stands in while there is no header sample. */
  rankedBy: z.enum(['paper', 'predicted-gain']),
  paper: PaperMetrics,
  gain: GainMetrics.nullable(),
  remoteDesktop: RemoteDesktop.nullable(),
  user: UserEndpoint.nullable(),
  rttMs: ms.nullable(),
  session: Session.nullable(),
  prediction: PredictionCurve.nullable(),
  reasons: z.array(z.string().max(240)).max(MAX_REASONS),
});
export type Fingerprint = z.infer<typeof Fingerprint>;

/** Moving averages and what was learned of a session; belongs to the shadow loop's state. */
export const FingerprintState = z.object({
  rankPaper: share,
  rankGain: share.nullable(),
  user: UserEndpoint.nullable(),
  rttMs: ms.nullable(),
  /** The last header sample that was used, and how it ended up. */
  session: Session.nullable(),
  gain: GainMetrics.nullable(),
  prediction: PredictionCurve.nullable(),
  /** Frames per second that the content had when last seen unhindered by distance. */
  contentFps: rate.nullable(),
  /** Told by evidence at any time since the user's endpoint last changed. */
  mode: ClientMode,
  /** Until when nobody looked at the screen, of a session that has been ranked by no header sample since; null once it has. */
  idleUntilMs: ms.nullable(),
});
export type FingerprintState = z.infer<typeof FingerprintState>;
