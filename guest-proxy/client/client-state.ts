// What a client's proxy believes about its desktop, and which host may change that. Pure: state and message in, state or refusal out.
//   settled --PREPARE(e', new, key) by the epoch's host--> prepared --COMMIT(e') by `key`, from `new`--> settled at epoch e'
//                                                          prepared --ABORT(e') by the epoch's host--> settled as before
//                                                          prepared --lifetime over--> lapsed: rules go, the delegation stays
// A lapsed delegation can still be committed: after the point of no return there is no way back to the old address.
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { newestWords, PublicKey } from '../../domain/model/keys.js';
import type { Message } from '../protocol/messages.js';
import type { Role } from '../protocol/wire.js';
import { ProxiedFlow } from '../rules/flow.js';
import type { DesktopAddresses } from '../rules/client-rules.js';

const Pending = z.object({
  epoch: z.number().int().positive(),
  newExternal: Ipv4,
  targetKey: PublicKey,
  expiresAtMs: z.number(),
  lapsed: z.boolean(),
  /** The old host relays flows whose paths are not proved. */
  relays: z.boolean().optional(),
});

export const ClientState = z.object({
  version: z.literal(1),
  desktop: z.string(),
  /** Of the newest configuration that this state has seen. */
  issuedAtMs: z.number().int().min(0).default(0),
  epoch: z.number().int().min(0),
  /** The host that speaks for this epoch; null before the first contact. */
  hostKey: PublicKey.nullable(),
  current: Ipv4,
  /** Where the desktop was before, the last one first: programs may remember any of these. */
  left: z.array(Ipv4).default([]),
  previous: z.object({ address: Ipv4, untilMs: z.number(), flows: z.array(ProxiedFlow) }).nullable(),
  pending: Pending.nullable(),
  flows: z.array(ProxiedFlow),
  /** What the authority has said of hosts since the configuration was made. */
  vouched: z
    .array(z.object({ key: PublicKey, serial: z.number().int().positive(), revoked: z.boolean() }))
    .default([]),
  /** HELLO stamps of this run of the proxy begin here. */
  stampBase: z.number().int().min(0),
});
export type ClientState = z.infer<typeof ClientState>;

export type Decision = { readonly state: ClientState } | { readonly refused: string };

type PrepareMessage = Extract<Message, { kind: 'prepare' }>;

/** Packets from the old address may be under way for so long after a COMMIT: more than any round trip. */
export const PREVIOUS_ADDRESS_MS = 10_000;
/** Addresses that are remembered. */
const MAX_LEFT = 16;
/** The longest that prepared rules may stay, whatever a host asks for. */
export const MAX_LIFETIME_MS = 3_600_000;

/** The hosts to be believed: those of the configuration and those vouched for since, without the revoked ones. */
export function trustedHosts(state: ClientState, configured: readonly string[]): string[] {
  const revoked = new Set(state.vouched.filter((v) => v.revoked).map((v) => v.key));
  return [...configured, ...state.vouched.map((v) => v.key)].filter((key) => !revoked.has(key));
}

/** Take what the authority says of a host; `signed`: its signature was verified. */
export function onVouch(
  state: ClientState,
  word: { key: string; serial: number; revoked: boolean },
  signed: () => boolean,
): Decision {
  const known = state.vouched.find((v) => v.key === word.key);
  if (known !== undefined && known.serial >= word.serial) return { state };
  if (!signed()) return { refused: 'the authority has not signed this' };
  const { key, serial, revoked } = word;
  return { state: { ...state, vouched: newestWords([...state.vouched, { key, serial, revoked }]) } };
}

/** Decide whether a host that answered at `address` may be talked to, and adopt it when it is the first. */
export function onHostAnswer(
  state: ClientState,
  answer: { address: string; hostKey: string; role: Role; epoch: number },
  trusted: readonly string[],
): Decision {
  if (!trusted.includes(answer.hostKey)) return { refused: 'the host is not one of the cloud' };
  if (answer.address === state.pending?.newExternal && answer.hostKey === state.pending.targetKey)
    return { state };
  if (answer.address !== state.current) return { refused: 'nothing is known of a desktop at this address' };
  if (state.hostKey !== null)
    return answer.hostKey === state.hostKey ? { state } : { refused: 'another host speaks for this epoch' };
  if (answer.role === 'expecting') return { refused: 'the host does not own the desktop' };
  if (answer.epoch < state.epoch) return { refused: 'the host is behind the known epoch' };
  return { state: { ...state, epoch: answer.epoch, hostKey: answer.hostKey } };
}

/**
 * Decide whether a host that answers at its own address may be talked to: only one that has said what is believed now, where the desktop was
 * or is to come, and only for where the desktop went from there. Nothing is adopted from it but by PREPARE and COMMIT.
 */
export function onSeekAnswer(
  state: ClientState,
  answer: { hostKey: string; role: Role },
  trusted: readonly string[],
): Decision {
  if (!trusted.includes(answer.hostKey)) return { refused: 'the host is not one of the cloud' };
  if (answer.role !== 'moved') return { refused: 'the host does not know where the desktop went' };
  return standsFor(state, answer.hostKey) === null
    ? { refused: 'the desktop was not at this host' }
    : { state };
}

/** The external address that a host speaks for, wherever it is asked; null: none that is believed. */
export function standsFor({ hostKey, current, pending }: ClientState, host: string): string | null {
  if (host === hostKey) return current;
  return host === pending?.targetKey ? pending.newExternal : null;
}

/** Tell whether an address can be a desktop's: not of this machine or link, no multicast, broadcast or reserved one. */
function isUnicast(address: string): boolean {
  const [first = 0, second = 0] = address.split('.').map(Number);
  return first > 0 && first !== 127 && first < 224 && !(first === 169 && second === 254);
}

/** Decide on a PREPARE from the session with `hostKey`; `own` are the addresses of the client's machine. */
export function onPrepare(
  state: ClientState,
  message: PrepareMessage,
  hostKey: string,
  trusted: readonly string[],
  nowMs: number,
  own: readonly string[] = [],
): Decision {
  const targetKey = message.targetKey.toString('base64');
  if (message.desktop !== state.desktop) return { refused: 'another desktop is named' };
  if (state.hostKey === null || hostKey !== state.hostKey)
    return { refused: 'the sender does not speak for this epoch' };
  if (message.epoch <= state.epoch) return { refused: 'the epoch is not a new one' };
  if (message.oldExternal !== state.current) return { refused: 'the desktop is not at the old address' };
  if (message.newExternal === state.current) return { refused: 'the new address is the old one' };
  if (!isUnicast(message.newExternal)) return { refused: 'the new address cannot be a desktop' };
  if (own.includes(message.newExternal)) return { refused: 'the new address is the client itself' };
  if (!trusted.includes(targetKey)) return { refused: 'the target is not a host of the cloud' };
  const pending = {
    epoch: message.epoch,
    newExternal: message.newExternal,
    targetKey,
    expiresAtMs: nowMs + Math.min(message.lifetimeMs, MAX_LIFETIME_MS),
    lapsed: false,
    ...(message.relays === true ? { relays: true } : {}),
  };
  return { state: { ...state, pending } };
}

/** Decide on a COMMIT from the session with `hostKey` at `address`; `flows` are the ones to follow. */
export function onCommit(
  state: ClientState,
  message: { desktop: string; epoch: number },
  from: { hostKey: string; address: string },
  flows: readonly ProxiedFlow[],
  nowMs: number,
): Decision {
  if (message.desktop !== state.desktop) return { refused: 'another desktop is named' };
  if (message.epoch === state.epoch && from.hostKey === state.hostKey && from.address === state.current)
    return { state };
  const { pending } = state;
  if (pending?.epoch !== message.epoch) return { refused: 'no such change was prepared' };
  if (from.hostKey !== pending.targetKey || from.address !== pending.newExternal)
    return { refused: 'the sender is not the target of this change' };
  return {
    state: {
      ...state,
      epoch: pending.epoch,
      hostKey: pending.targetKey,
      current: pending.newExternal,
      left: leftBehind(state, pending.newExternal),
      previous: { address: state.current, untilMs: nowMs + PREVIOUS_ADDRESS_MS, flows: [...flows] },
      flows: [...flows],
      pending: null,
    },
  };
}

/** Where the desktop was, now that it is at `current`. */
function leftBehind(before: ClientState, current: string): string[] {
  return [...new Set([before.current, ...before.left])].filter((a) => a !== current).slice(0, MAX_LEFT);
}

/**
 * The flows to follow by a COMMIT. Where each flow's path is proved first (`isDirect`), the others stay on the path that they have; null: all
 * change to the new address, but those that went on over an earlier site.
 */
export function committedFlows(
  flows: readonly ProxiedFlow[],
  state: Pick<ClientState, 'current' | 'pending'>,
  isDirect: ((flow: ProxiedFlow) => boolean) | null,
): ProxiedFlow[] {
  return flows.map((flow) => {
    const { via, ...direct } = flow;
    if (isDirect === null) return flow;
    const stays = via ?? state.current;
    return isDirect(flow) || stays === state.pending?.newExternal ? direct : { ...direct, via: stays };
  });
}

/** Let flows go to the present address, now that their paths are proved; the same object when none of them is on another path. */
export function onDirect(
  state: ClientState,
  isDirect: (flow: ProxiedFlow) => boolean,
  nowMs: number,
): ClientState {
  const changed = state.flows.filter((flow) => flow.via !== undefined && isDirect(flow));
  if (changed.length === 0) return state;
  const left = state.previous?.address ?? changed[0]?.via ?? state.current;
  const known = state.previous?.flows ?? [];
  return {
    ...state,
    flows: state.flows.map((flow) => {
      const { via, ...direct } = flow;
      return via !== undefined && isDirect(flow) ? direct : flow;
    }),
    // As after a COMMIT: what is still under way by the old path arrives, and the NAT is made to forget it.
    previous: {
      address: left,
      untilMs: nowMs + PREVIOUS_ADDRESS_MS,
      flows: [...known, ...changed.filter((flow) => flow.via === left)],
    },
  };
}

/** Decide on an ABORT from the session with `hostKey`; one for a change that is not pending changes nothing. */
export function onAbort(
  state: ClientState,
  message: { desktop: string; epoch: number },
  hostKey: string,
): Decision {
  if (message.desktop !== state.desktop) return { refused: 'another desktop is named' };
  if (hostKey !== state.hostKey) return { refused: 'the sender does not speak for this epoch' };
  return { state: state.pending?.epoch === message.epoch ? { ...state, pending: null } : state };
}

/** Let prepared rules lapse and forget the previous address when their time is over; the same object when nothing changes. */
export function onTime(state: ClientState, nowMs: number): ClientState {
  let next = state;
  if (state.pending !== null && !state.pending.lapsed && nowMs >= state.pending.expiresAtMs)
    next = { ...next, pending: { ...state.pending, lapsed: true } };
  if (state.previous !== null && nowMs >= state.previous.untilMs) next = { ...next, previous: null };
  return next;
}

/**
 * The state to begin with: a later configuration begins afresh at its address and keeps the open sockets' rules and what makes HELLOs grow;
 * otherwise what was saved, unless the configuration knows a later epoch.
 */
export function stateAtStart(saved: ClientState | null, fresh: ClientState, nowMs: number): ClientState {
  if (saved?.desktop !== fresh.desktop) return fresh;
  const { flows, stampBase, vouched } = saved;
  if (fresh.issuedAtMs > saved.issuedAtMs)
    return { ...fresh, flows, stampBase, vouched, left: leftBehind(saved, fresh.current) };
  if (fresh.issuedAtMs === saved.issuedAtMs && fresh.epoch > saved.epoch) return fresh;
  return withinLifetimes(saved, nowMs);
}

/** Bound the ends of a saved state by what they may be at most from now: the machine's clock may have gone back since they were set. */
function withinLifetimes(state: ClientState, nowMs: number): ClientState {
  const { pending, previous } = state;
  return {
    ...state,
    pending: pending && { ...pending, expiresAtMs: Math.min(pending.expiresAtMs, nowMs + MAX_LIFETIME_MS) },
    previous: previous && { ...previous, untilMs: Math.min(previous.untilMs, nowMs + PREVIOUS_ADDRESS_MS) },
  };
}

/** The addresses that rules are made from. */
export function addressesOf(state: ClientState): DesktopAddresses {
  return {
    current: state.current,
    pending: state.pending === null || state.pending.lapsed ? null : state.pending.newExternal,
    previous: state.previous,
    left: state.left,
  };
}
