// Captures of made-up sessions as files, and what is reported of them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintFile } from '../../../../cli/commands/fingerprint.js';
import type { CaptureReport } from '../../../../domain/fingerprint/rank/capture-report.js';
import { ethernet, FLAGS, ipv4, tcp, type Captured } from '../../domain/fingerprint/packet-bytes.js';
import { play, type SessionSpec } from '../../domain/fingerprint/synthetic-session.js';

/** A session as tcpdump would have captured it, cut after 60 bytes. */
export function captured(spec: SessionSpec): Captured[] {
  return play(spec).packets.map((p) => {
    const whole = ethernet(
      ipv4(
        tcp({
          sourcePort: p.sourcePort,
          destinationPort: p.destinationPort,
          sequence: p.tcp!.sequence,
          acknowledgement: p.tcp!.acknowledgement,
          flags: FLAGS.ack | (p.tcp!.push ? FLAGS.push : 0),
          payload: p.payloadBytes,
        }),
        { source: p.source, destination: p.destination },
      ),
    );
    return { timeMs: p.timeMs, bytes: whole.subarray(0, 60), wireBytes: whole.length };
  });
}

/** With what the kernels of both ends acknowledge at once. */
export function acknowledged(spec: SessionSpec): Captured[] {
  return captured(spec).flatMap((p) => {
    const ack = Buffer.alloc(60);
    p.bytes.copy(ack);
    const swap = (at: number, other: number, size: number) => {
      p.bytes.copy(ack, at, other, other + size);
      p.bytes.copy(ack, other, at, at + size);
    };
    swap(26, 30, 4);
    swap(34, 36, 2);
    const payload = p.wireBytes! - 54;
    ack.writeUInt32BE(p.bytes.readUInt32BE(42), 38);
    ack.writeUInt32BE((p.bytes.readUInt32BE(38) + payload) >>> 0, 42);
    ack.writeUInt16BE(40, 16);
    ack.writeUInt8(FLAGS.ack, 47);
    return [p, { timeMs: p.timeMs + 0.1, bytes: ack.subarray(0, 54), wireBytes: 54 }];
  });
}

/** A packet of the session with its server at another port. */
export function onPort(packet: Buffer, port: number): Buffer {
  const moved = Buffer.from(packet);
  for (const at of [34, 36]) if (moved.readUInt16BE(at) === 5901) moved.writeUInt16BE(port, at);
  return moved;
}

/** Write captures into a folder that is gone after the tests of a file. */
export function captureFolder() {
  let folder = '';
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'vmshadow-capture-'))));
  afterAll(async () => rm(folder, { recursive: true, force: true }));
  const pathOf = (name: string) => join(folder, name);
  const file = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(pathOf(name), bytes);
    return pathOf(name);
  };
  return { pathOf, file };
}

export const json = async (path: string, desktop?: string): Promise<CaptureReport[]> =>
  JSON.parse(
    await fingerprintFile(path, desktop === undefined ? { json: true } : { desktop, json: true }),
  ) as CaptureReport[];

export const film = captured({ rttMs: 100, changeEveryMs: 1000 / 24 });
export const DESKTOP = '10.77.0.2';
/** Figures that do not depend on how a session was written into its file. */
export const FIGURES = [
  'rank',
  'mode',
  'rttMs',
  'framesPerSecond',
  'thinkMs',
  'turnaroundMs',
  'predicted',
] as const;
