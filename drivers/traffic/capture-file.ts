// Reads a capture file of any size in one pass and bounded memory, and reports on the desktops in it.
import { canonicalAddress } from '../../domain/model/address.js';
import { createReadStream } from 'node:fs';
import { VmshadowError, messageOf } from '../../domain/errors.js';
import { CaptureReader } from '../../domain/fingerprint/capture/capture-reader.js';
import {
  reportDesktop,
  type CaptureCounts,
  type CaptureReport,
} from '../../domain/fingerprint/rank/capture-report.js';
import { DesktopGuess, type GuessedDesktop } from '../../domain/fingerprint/session/desktop-guess.js';
import { FlowTable } from '../../domain/fingerprint/capture/flow-table.js';
import { decodeRawPacket, type PacketHeader } from '../../domain/fingerprint/capture/packet.js';
import type { FingerprintPolicy } from '../../domain/model/policy.js';

interface ReadCapture {
  readonly counts: CaptureCounts;
  /** Why reading ended before the end; undefined for a sound file. */
  readonly problem: string | undefined;
}

/** Decode every packet of a pcap or pcapng file. Throws INPUT_INVALID when the file cannot be read or is no capture at all. */
async function readCapture(path: string, take: (header: PacketHeader) => void): Promise<ReadCapture> {
  const counts: CaptureCounts = {
    packets: 0,
    malformed: 0,
    truncated: 0,
    fragments: 0,
    other: 0,
    clockJumps: 0,
    retransmissions: 0,
    unkept: 0,
  };
  const reader = new CaptureReader();
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      for (const raw of reader.push(chunk as Buffer)) {
        counts.packets += 1;
        const decoded = decodeRawPacket(raw);
        if (decoded.kind === 'packet') {
          if (decoded.firstFragment) counts.fragments += 1;
          take(decoded.header);
        } else if (decoded.kind === 'fragment') counts.fragments += 1;
        else counts[decoded.kind] += 1;
      }
      if (reader.problem !== undefined) break;
    }
  } catch (error) {
    throw new VmshadowError('INPUT_INVALID', `cannot read the capture ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  reader.end();
  return { counts, problem: reader.problem };
}

/** Report on the named desktop of a capture, or on those that are guessed. Throws INPUT_INVALID when there is nothing to report on. */
export async function reportCapture(
  path: string,
  desktop: string | undefined,
  policy: FingerprintPolicy,
): Promise<CaptureReport[]> {
  const named = desktop === undefined ? undefined : addressOf(desktop);
  const guesses = named === undefined ? await guessDesktops(path, policy) : undefined;
  const tables = (guesses?.map((g) => g.address) ?? [named ?? '']).map((a) => new FlowTable(a));
  const { counts, problem } = await readCapture(path, (header) => {
    for (const table of tables) table.add(header);
  });
  if (desktop !== undefined && tables[0]?.flows.size === 0)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${path} has no TCP or UDP packet of ${desktop}${problem === undefined ? '' : ` (${problem})`}. ` +
        'Leave --desktop out and the desktop is guessed.',
    );
  return tables.map((table, i) => reportDesktop(table, guesses?.[i] ?? null, counts, problem, policy));
}

function addressOf(desktop: string): string {
  const address = canonicalAddress(desktop);
  if (address === null)
    throw new VmshadowError(
      'INPUT_INVALID',
      `--desktop ${desktop}: expected an IPv4 or IPv6 address such as 10.77.0.2`,
    );
  return address;
}

async function guessDesktops(path: string, policy: FingerprintPolicy): Promise<GuessedDesktop[]> {
  const guess = new DesktopGuess();
  const { counts, problem } = await readCapture(path, (header) => guess.add(header));
  const guesses = guess.result(policy);
  if (guesses.length === 0)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${path}: ${problem ?? `none of its ${counts.packets} packets is TCP or UDP over IP`}. ` +
        'Expected a pcap or pcapng capture of a desktop’s traffic.',
    );
  return guesses;
}
