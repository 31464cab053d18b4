// `vmshadow fingerprint FILE`: the rules of the cloud on an operator's own capture, as a plain account or as JSON.
import { isIP } from 'node:net';
import { reportCapture } from '../../drivers/traffic/capture-file.js';
import { VmshadowError } from '../../domain/errors.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { renderCaptureReport } from './explain.js';

/** Fingerprint the desktops of a pcap or pcapng file; `--json` gives an array with one object a desktop. Throws INPUT_INVALID. */
export async function fingerprintFile(
  path: string,
  options: { readonly desktop?: string; readonly json: boolean },
): Promise<string> {
  if (options.desktop !== undefined && isIP(options.desktop) === 0)
    throw new VmshadowError(
      'INPUT_INVALID',
      `--desktop ${options.desktop}: expected an IPv4 or IPv6 address such as 10.77.0.2`,
    );
  const reports = await reportCapture(path, options.desktop, FingerprintPolicy.parse({}));
  if (options.json) return `${JSON.stringify(reports, null, 2)}\n`;
  return reports.map(renderCaptureReport).join('\n');
}
