// Says in words, with figures, why a desktop has its rank. Pure; each line is short and stands for itself.
import { MAX_REASONS, type Fingerprint, type TrafficWindow } from '../model.js';
import { predictAtRtt } from '../session/prediction.js';
import type { FingerprintPolicy } from '../../model/policy.js';

/** Less work on an update is not worth a word. */
const FELT_WORK_MS = 10;

type Told = Omit<Fingerprint, 'reasons'>;

/** List the reasons of a fingerprint, most important first. */
export function reasonsOf(f: Told, policy: FingerprintPolicy, notes: readonly string[]): string[] {
  const lines = [...rankLines(f, policy), ...sessionLines(f), ...notes];
  return lines.slice(0, MAX_REASONS).map((l) => (l.length > 240 ? `${l.slice(0, 239)}…` : l));
}

/** Say which servers of the policy's list the window met by their names, and which names the desktop's host cannot resolve. */
export function serverNotes(window: TrafficWindow, policy: FingerprintPolicy): string[] {
  const listed = (name: string) => policy.sensitiveServers.includes(name);
  const met = (window.resolvedServers ?? []).filter((s) => listed(s.name));
  const unknown = (window.unresolvedServers ?? []).filter(listed);
  return [
    ...(met.length === 0
      ? []
      : [`location-sensitive by name: ${met.map((s) => `${s.name} (${s.address})`).join(', ')}`]),
    ...(unknown.length === 0
      ? []
      : [`no address is known here for ${unknown.join(', ')} (sensitiveServers): not counted by name`]),
  ];
}

const LOWER_BOUND =
  'that is the least: updates take long, and whether by the server’s work or by waiting for changes cannot be told from this sample';

function rankLines(f: Told, policy: FingerprintPolicy): string[] {
  const { far, near } = policy.referenceRttMs;
  const paper =
    `paper: ${percent(f.paper.ports)} of ${f.paper.activePorts} active ports and ${percent(f.paper.traffic)} of the traffic are ` +
    `location-sensitive, the remote desktop sends ${f.paper.remoteDesktopKBps.toFixed(1)} kB/s`;
  if (policy.mode === 'predicted-gain' && f.session?.doubt === 'work-or-wait')
    return [
      'updates take long, and whether by the server’s work or by waiting for changes cannot be told from this sample: ' +
        'ranked by the paper’s metrics',
      paper,
    ];
  if (policy.mode === 'predicted-gain' && f.gain === null)
    return ['no header sample of the remote desktop yet: ranked by the paper’s metrics', paper];
  if (f.gain === null) return [paper];
  const loss =
    f.gain.refreshLossFps >= 0.5
      ? `would lose ${f.gain.refreshLossFps.toFixed(1)} frames/s at ${far} ms against ${near} ms`
      : `would lose no refresh rate at ${far} ms against ${near} ms`;
  const input = `the user sends ${f.gain.inputsPerSecond.toFixed(1)} inputs/s`;
  const bound = f.session?.lowerBound === true ? [LOWER_BOUND] : [];
  return f.rankedBy === 'paper' ? [paper, loss, input] : [loss, ...bound, input, paper];
}

function sessionLines(f: Told): string[] {
  const lines: string[] = [];
  if (f.remoteDesktop === null) return ['no remote-desktop flow found: nobody seems to look at this desktop'];
  const { protocol, desktopPort, peerAddress, foundBy } = f.remoteDesktop;
  lines.push(`remote desktop on ${protocol} port ${desktopPort} with ${peerAddress}, found by ${foundBy}`);
  const s = f.session;
  if (s === null) return lines;
  const roundTrip = f.rttMs === null ? 'unknown round trip' : `${f.rttMs.toFixed(1)} ms round trip`;
  const rtt = f.rttMs === null ? `an ${roundTrip}` : roundTrip;
  if (s.mode === 'push')
    lines.push(`updates are pushed: refresh does not wait for the ${roundTrip}, only input does`);
  else if (s.distanceLimitedShare >= 0.5)
    lines.push(
      `${percent(s.distanceLimitedShare)} of the cycles wait for the user's distance (${rtt})` +
        ((s.thinkMs ?? 0) >= FELT_WORK_MS
          ? ` and ${(s.thinkMs ?? 0).toFixed(0)} ms of the server's work, not for changes`
          : ''),
    );
  else
    lines.push(
      `the server waits for changes, not for the user: ${s.framesPerSecond.toFixed(1)} frames/s at ${rtt}`,
    );
  if (s.mode === 'unknown') lines.push('pull or push could not be told; pull is assumed');
  if (s.rttFrom === 'turnaround')
    lines.push(
      'something near acknowledges for the client, which answers later: its distance is taken from its answers',
    );
  if (s.outstanding > 1) lines.push(`the client keeps ${s.outstanding} requests under way`);
  if (!s.contentKnown)
    lines.push(
      'the content’s own rate is hidden, each update is ready when it is asked for; an ordinary rate is assumed: ' +
        `what is predicted nearer than ${f.rttMs === null ? 'now' : `${f.rttMs.toFixed(0)} ms`} is a guess`,
    );
  const now = f.rttMs === null ? null : predictAtRtt(f, f.rttMs);
  const close = predictAtRtt(f, 1);
  if (now !== null && close !== null)
    lines.push(
      `predicted at 1 ms: ${close.framesPerSecond.toFixed(1)} frames/s, response ${close.responseMs.toFixed(0)} ms`,
    );
  return lines;
}

function percent(x: number): string {
  return `${(x * 100).toFixed(0)} %`;
}
