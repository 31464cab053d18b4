// Measures what a viewer counts and what the headers beside its desktop say of the same seconds.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureReader } from '../../domain/fingerprint/capture/capture-reader.js';
import { FlowTable, type CapturedFlow } from '../../domain/fingerprint/capture/flow-table.js';
import { decodeRawPacket } from '../../domain/fingerprint/capture/packet.js';
import { readCurve } from '../../domain/fingerprint/session/prediction.js';
import { presentRates } from '../../domain/fingerprint/session/present-rate.js';
import { summariseFlow } from '../../domain/fingerprint/session/summary.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { inNamespace } from '../../lab/net/commands.js';
import { startCommand } from '../../os/start-command.js';
import { RigDesktop, type Workload } from '../fingerprint/desktop.js';
import { GUEST_ADDRESS, RigNetwork, TAP } from '../fingerprint/network.js';
import { view, type ViewerOptions } from '../fingerprint/viewer.js';

const RTTS_MS = [1, 20, 100] as const;
const LOSSES = [0, 0.01] as const;
const CONTENTS: readonly Workload[] = ['video', 'game'];
const WINDOW_MS = 1_000;
/** The capture has begun before the viewer has. */
const CAPTURE_STARTS_MS = 700;

const PROTOCOLS: readonly (readonly [name: string, options: Pick<ViewerOptions, 'mode' | 'encoding'>])[] = [
  ['VNC pull, ZRLE', { mode: 'pull', encoding: 'zrle' }],
  ['VNC pull, raw', { mode: 'pull', encoding: 'raw' }],
  ['VNC push, ZRLE', { mode: 'push', encoding: 'zrle' }],
];

interface RateWindow {
  /** By the viewer, and by the headers with their interval; null: not known. */
  readonly seen: number;
  readonly counted: number | null;
  readonly least: number;
  readonly most: number;
}
export interface RateCell {
  readonly protocol: string;
  readonly content: string;
  readonly rttMs: number;
  readonly loss: number;
  readonly windows: readonly RateWindow[];
  readonly seenPerSecond: number;
  /** Frames a second predicted at each of the distances. */
  readonly predicted: Readonly<Record<number, number>>;
  readonly contentKnown: boolean;
}

/** Measure the cells whose names fit, each for some seconds. */
export async function measureRates(seconds: number, only: RegExp): Promise<RateCell[]> {
  const net = await RigNetwork.create('vpr', RTTS_MS[0]);
  const cells: RateCell[] = [];
  try {
    for (const content of CONTENTS) {
      const desktop = await RigDesktop.start(net, content);
      try {
        for (const [protocol, options] of PROTOCOLS)
          for (const rttMs of RTTS_MS)
            for (const loss of LOSSES) {
              const name = `${protocol}, ${content}, ${rttMs} ms, loss ${loss * 100} %`;
              if (!only.test(name)) continue;
              await net.setRtt(rttMs);
              await net.setLoss(loss);
              const cell = await measureCell(net, { ...options, seconds });
              cells.push({ protocol, content, rttMs, loss, ...cell });
              console.error(
                `${protocol}, ${content}, ${rttMs} ms, loss ${loss}: ${cell.seenPerSecond.toFixed(1)}/s`,
              );
            }
      } finally {
        await desktop.stop();
      }
    }
  } finally {
    await net.destroy();
  }
  return cells;
}

type Figures = Omit<RateCell, 'protocol' | 'content' | 'rttMs' | 'loss'>;

async function measureCell(net: RigNetwork, options: ViewerOptions): Promise<Figures> {
  const path = join(net.folder, 'rate.pcap');
  const tcpdump = startCommand(
    inNamespace(net.dom0, ['tcpdump', '-i', TAP, '-s', '100', '-U', '-B', '8192', '-w', path, 'tcp']),
  );
  await Promise.race([once(tcpdump.stderr, 'data'), sleep(CAPTURE_STARTS_MS)]);
  const seen = await view(net, options);
  tcpdump.kill('SIGTERM');
  await tcpdump.ended;
  const { flow, firstMs } = await busiestFlow(path);
  const from = seen.fromMs + (seen.toMs - seen.fromMs - 1000 * seen.seconds);
  const offsetMs = Math.max(0, from - firstMs);
  const rates = presentRates(flow, WINDOW_MS, offsetMs);
  const windows = rates
    .filter((r) => firstMs + r.startMs + WINDOW_MS <= seen.toMs)
    .map((r): RateWindow => {
      const startMs = firstMs + r.startMs;
      return {
        seen: seen.completedMs.filter((ms) => ms >= startMs && ms < startMs + WINDOW_MS).length,
        counted: r.frames?.seen ?? null,
        least: r.frames?.least ?? 0,
        most: r.frames?.most ?? 0,
      };
    });
  const { assumedContentFps } = FingerprintPolicy.parse({});
  const { predicted, contentKnown } = summariseFlow(flow, { takenAtMs: 0, assumedFps: assumedContentFps });
  return {
    windows,
    seenPerSecond: seen.framesPerSecond,
    predicted:
      predicted === null
        ? {}
        : Object.fromEntries(RTTS_MS.map((ms) => [ms, readCurve(predicted, ms).framesPerSecond])),
    contentKnown,
  };
}

/** The flow of a capture with most bytes, and when it began. */
async function busiestFlow(path: string): Promise<{ flow: CapturedFlow; firstMs: number }> {
  const table = new FlowTable(GUEST_ADDRESS);
  const reader = new CaptureReader();
  let firstMs: number | undefined;
  for (const raw of reader.push(await readFile(path))) {
    const decoded = decodeRawPacket(raw);
    if (decoded.kind === 'packet' && table.add(decoded.header)) firstMs ??= decoded.header.timeMs;
  }
  const [flow] = [...table.flows.values()].sort((a, b) => b.bytesOut - a.bytesOut);
  if (flow === undefined || firstMs === undefined) throw new Error(`no flow of the desktop in ${path}`);
  return { flow, firstMs };
}
