// Measures every workload at every distance: a real desktop, a real user, the sampler of dom0 in between. What the user saw and what the
// sampler says of it stand side by side.
import { TrafficSampler } from '../../drivers/traffic/sampler.js';
import type { Fingerprint, TrafficWindow } from '../../domain/fingerprint/model.js';
import { updateFingerprint } from '../../domain/fingerprint/rank/rank.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { inNamespace } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { RigDesktop, VNC_PORT, type Workload } from './desktop.js';
import { FilmServer } from './film-server.js';
import { GUEST_ADDRESS, RigNetwork, TAP } from './network.js';
import { RigMachine } from './machine.js';
import { view } from './viewer.js';
import type { Seen, UserInput } from './viewer-process.js';

export const RTTS_MS = [1, 20, 100] as const;
const SECONDS = 7;
const INPUT: Record<Workload, UserInput> = {
  stream: 'none',
  video: 'none',
  game: 'play',
  web: 'page',
  text: 'type',
  idle: 'none',
};

export interface Measured {
  readonly workload: Workload;
  readonly rttMs: number;
  readonly seen: Seen;
  readonly window: TrafficWindow;
  readonly fingerprint: Fingerprint;
  readonly paperFingerprint: Fingerprint;
}

/** Measure all; each window stands alone, without the memory of the one before. */
export async function measureSessions(): Promise<Measured[]> {
  const net = await RigNetwork.create('vfb', 20);
  const film = await FilmServer.start(net);
  const measured: Measured[] = [];
  try {
    for (const workload of Object.keys(INPUT) as Workload[]) {
      const desktop = await RigDesktop.start(net, workload);
      try {
        for (const rttMs of RTTS_MS) {
          await net.setRtt(rttMs);
          measured.push(await measure(net, workload, rttMs));
        }
      } finally {
        await desktop.stop();
      }
    }
  } finally {
    await film.stop();
    await net.destroy();
  }
  return measured;
}

/** Measure the applications of Table 3 in virtual machines, at one distance. */
export async function measureMachines(workloads: readonly Workload[], rttMs: number): Promise<Measured[]> {
  const net = await RigNetwork.create('vfm', rttMs, true);
  const film = await FilmServer.start(net);
  const measured: Measured[] = [];
  try {
    for (const workload of workloads) {
      const machine = await RigMachine.start(net, workload);
      try {
        measured.push(await measure(net, workload, rttMs));
      } finally {
        await machine.stop();
      }
    }
  } finally {
    await film.stop();
    await net.destroy();
  }
  return measured;
}

async function measure(net: RigNetwork, workload: Workload, rttMs: number): Promise<Measured> {
  const sampler = new TrafficSampler({
    run: (argv, options) => runCommand(inNamespace(net.dom0, argv), options),
    capturePrefix: inNamespace(net.dom0, []),
    turnMs: 300,
    sampleMs: 6_000,
    sampleEveryMs: 60_000,
    onProblem: (message) => console.error(message),
  });
  await sampler.start();
  try {
    await sampler.watch({
      id: workload,
      tap: TAP,
      internalAddress: GUEST_ADDRESS,
      remoteDesktopPort: VNC_PORT,
    });
    const seen = await view(net, { seconds: SECONDS, input: INPUT[workload] });
    const [window] = await sampler.collect();
    if (window === undefined) throw new Error(`nothing was collected of ${workload}`);
    const rank = (mode: 'paper' | 'predicted-gain') =>
      updateFingerprint(undefined, window, FingerprintPolicy.parse({ mode })).fingerprint;
    return {
      workload,
      rttMs,
      seen,
      window,
      fingerprint: rank('predicted-gain'),
      paperFingerprint: rank('paper'),
    };
  } finally {
    await sampler.stop({ remove: true });
  }
}
