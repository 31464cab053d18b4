// Starts the user's viewer (viewer-process.ts) in the user's namespace and gives what it saw.
import { fileURLToPath } from 'node:url';
import { inNamespace } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { VNC_PORT } from './desktop.js';
import { GUEST_ADDRESS, type RigNetwork } from './network.js';
import type { Seen, UserInput } from './viewer-process.js';

const PROGRAM = fileURLToPath(new URL('./viewer-process.ts', import.meta.url));

export interface ViewerOptions {
  readonly mode?: 'pull' | 'push';
  readonly seconds: number;
  readonly input?: UserInput;
  /** Local address, where the user's machine has several. */
  readonly from?: string;
  readonly encoding?: 'zrle' | 'raw';
}

/** Look at the desktop for some seconds. */
export async function view(net: RigNetwork, options: ViewerOptions): Promise<Seen> {
  const { mode = 'pull', seconds, input = 'none', from = '-', encoding = 'zrle' } = options;
  const argv = [
    process.execPath,
    '--import',
    'tsx',
    PROGRAM,
    GUEST_ADDRESS,
    `${VNC_PORT}`,
    mode,
    `${seconds}`,
    input,
    from,
    encoding,
  ];
  const out = await runCommand(inNamespace(net.user, argv), {
    timeoutMs: (seconds + 60) * 1000,
  });
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Seen;
}
