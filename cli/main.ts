// Entry of the `vmshadow` command: runs the program, prints what went wrong in one place, sets the exit code.
import { processContext } from './context.js';
import { runCli } from './run.js';

// Not left to the event loop: the packet queue of dom0 cannot be closed and would keep it alive.
process.exit(await runCli(process.argv.slice(2), processContext()));
