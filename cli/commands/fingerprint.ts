// `vmshadow fingerprint FILE`: the rules of the cloud on an operator's own capture, as a plain account or as JSON.
import { reportCapture } from '../../drivers/traffic/capture-file.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';
import { renderCaptureReport } from './explain.js';

/** Fingerprint the desktops of a pcap or pcapng file; `--json` gives an array with one object a desktop. Throws INPUT_INVALID. */
export async function fingerprintFile(
  path: string,
  options: { readonly desktop?: string; readonly json: boolean },
): Promise<string> {
  const reports = await reportCapture(path, options.desktop, FingerprintPolicy.parse({}));
  if (options.json) return `${JSON.stringify(reports, null, 2)}\n`;
  return reports.map(renderCaptureReport).join('\n');
}
