// `vmshadow fingerprint FILE`: the rules of the cloud on an operator's own capture, as a plain account or as JSON.
import type { Readable } from 'node:stream';
import { reportCapture } from '../../drivers/traffic/capture-file.js';
import {
  fileSource,
  inputSource,
  type CaptureProgress,
  type CaptureSource,
} from '../../drivers/traffic/capture-source.js';
import { VmshadowError, messageOf } from '../../domain/errors.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { renderCaptureReport } from './explain.js';

export interface FingerprintOptions {
  readonly desktop?: string | undefined;
  /** Where a screen is shown, beside the ports that are known for it. */
  readonly port?: number | undefined;
  readonly json: boolean;
  readonly progress?: CaptureProgress;
}

/** Fingerprint the desktops of a pcap or pcapng file; `--json` gives an array with one object a desktop. Throws INPUT_INVALID. */
export async function fingerprintFile(path: string, options: FingerprintOptions): Promise<string> {
  let source: CaptureSource;
  try {
    source = await fileSource(path);
  } catch (error) {
    throw new VmshadowError('INPUT_INVALID', `cannot read the capture ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return fingerprintOf(source, options);
}

/** Fingerprint the capture that comes on `input` until it, or `signal`, ends it. */
export async function fingerprintInput(
  input: Readable,
  signal: AbortSignal,
  options: FingerprintOptions,
): Promise<string> {
  const source = await inputSource(input, signal, options.progress ?? (() => undefined));
  try {
    return await fingerprintOf(source, options);
  } finally {
    await source.close();
  }
}

async function fingerprintOf(source: CaptureSource, options: FingerprintOptions): Promise<string> {
  const { desktop, port, json, progress } = options;
  const policy = FingerprintPolicy.parse({});
  const named = port === undefined ? [] : [port];
  const ports = {
    remoteDesktopPorts: [...policy.remoteDesktopPorts, ...named],
    relayPorts: [...policy.relayPorts, ...named],
  };
  const reports = await reportCapture(
    source,
    { ...policy, ...ports },
    {
      desktop,
      ...(progress === undefined ? {} : { progress }),
    },
  );
  if (json) return `${JSON.stringify(reports, null, 2)}\n`;
  return reports.map(renderCaptureReport).join('\n');
}
