// The release of Node that everything runs on.
import { finding, type Finding } from './finding.js';

const LEAST = 20;

/** What there is to say of a version such as `20.19.0`. */
export function nodeFindings(version: string): Finding[] {
  return Number.parseInt(version, 10) >= LEAST
    ? []
    : [finding('problem', 'node', `Node is ${version}, expected ${String(LEAST)} or newer`, 'install it')];
}
