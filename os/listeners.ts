// Who listens at which port of this machine.
import { runCommand } from './run-command.js';

/** A port that somebody listens at. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` for all; a device's name for all of that device. */
  readonly address: string;
  readonly port: number;
  /** Null where it was not told. */
  readonly program: string | null;
  readonly pids: readonly number[];
}

/** Ask the kernel who listens. Throws COMMAND where `ss` is missing. */
export async function listListeners(): Promise<Listener[]> {
  return parseListeners(await runCommand(['ss', '-Hlntup']));
}

/** Read `ss -Hlntup`. IPv6's wildcard takes IPv4's ports, too. */
export function parseListeners(text: string): Listener[] {
  return text.split('\n').flatMap((line) => {
    const [, protocol, local] = /^(tcp|udp)\s+\S+\s+\d+\s+\d+\s+(\S+)/.exec(line) ?? [];
    if (protocol === undefined || local === undefined) return [];
    const port = Number(local.slice(local.lastIndexOf(':') + 1));
    const address = local
      .slice(0, local.lastIndexOf(':'))
      // Bound to a device: a wildcard there is one of that device alone.
      .replace(/^(?:0\.0\.0\.0|\*|\[::\])%(.*)$/, '$1')
      .replace(/%.*$/, '')
      .replace(/^\[::ffff:(.*)\]$/, '$1');
    if (!Number.isInteger(port)) return [];
    return [
      {
        protocol: protocol as 'tcp' | 'udp',
        address: ['*', '[::]', '0.0.0.0'].includes(address) ? '0.0.0.0' : address,
        port,
        program: /users:\(\("([^"]+)"/.exec(line)?.[1] ?? null,
        pids: [...line.matchAll(/pid=(\d+)/g)].map((m) => Number(m[1])),
      },
    ];
  });
}
