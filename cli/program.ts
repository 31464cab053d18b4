// The command line: names, arguments, options, help. Every action imports its command when it runs, so that help and version start at once.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CliContext } from './context.js';
import type { ExitCode } from './exit-codes.js';
import { packageFile } from './package-file.js';
import { addCache, addDaemons, addHost, addKeys } from './program-machines.js';

/** What the program tells its caller besides printing. */
export interface ProgramResult {
  exit: ExitCode;
}

/** Build the program. Actions print through `context` and leave their exit code in `result`. */
export function buildProgram(context: CliContext, result: ProgramResult): Command {
  const program = new Command('vmshadow')
    .description('Keeps every virtual desktop of a distributed cloud close to its user.')
    .version(version(), '-V, --version')
    .showHelpAfterError('(add --help for what the command takes)')
    .configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.note(text.trimEnd()),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
The control plane is a Temporal server, found by the TEMPORAL_* variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ...).
Exit codes: 0 done, 1 refused, 64 usage, 65 bad input file, 69 something needed is not there, 70 internal, 78 configuration.`,
    );
  addDaemons(program, context);
  addHost(program, context, result);
  addLooks(program, context);
  addMoves(program, context, result);
  addMaintenance(program, context, result);
  addReconcile(program, context, result);
  addCache(program, context);
  addDesktops(program, context, result);
  addFingerprint(program, context);
  addKeys(program, context);
  addCompletion(program, context);
  return program;
}

/** The version of the package. */
function version(): string {
  const found = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return found.version;
}

type Raw = Record<string, unknown>;

const FILTER_HELP = `
Filters are FIELD:VALUE: site:us-west state:running 'user:203.0.113.*' 'rank:>0.7' (in quotes: shells read * and >).
Fields: desktop, site, host (SITE/HOST), state, rank, rtt (ms), memory (MiB), user, move (yes, no), problem.`;

function pooled(command: Command): Command {
  return command
    .option('--pool <pool>', 'the pool of desktops (default: main)')
    .option('--json', 'print data for programs');
}

function addLooks(program: Command, context: CliContext): void {
  pooled(program.command('status [filters...]'))
    .description('show sites, hosts, desktops, moves and problems')
    .option(
      '-w, --watch',
      'again and again: in place on a terminal, else a line (or JSON document) each time',
    )
    .option('--interval <seconds>', 'how often with --watch (default: 1)')
    .addHelpText('after', FILTER_HELP)
    .action(async (filters: string[], o: Raw) =>
      (await import('./commands/status.js')).statusCommand(context, { ...o, filters }),
    );
  pooled(program.command('history <desktop>'))
    .description(
      "show a desktop's moves: when, why, how long each phase took, what they gave, why they failed",
    )
    .option('--limit <n>', 'at most so many, the newest (default: 20)')
    .action(async (desktop: string, o: Raw) =>
      (await import('./commands/history.js')).historyCommand(context, { ...o, desktop }),
    );
  pooled(program.command('plan'))
    .description('show what the loop would do now, and why; nothing is moved')
    .option('--input <file>', 'plan for the cloud in a JSON file instead (docs/placement.md)')
    .option('--algorithm <name>', 'exact, multi-resource, ilp, rank-ordered, cost-oblivious or cost-aware')
    .option('--budget-gb <gb>', 'move at most so many gigabytes')
    .option('--max-moves <n>', 'make at most so many moves')
    .option('--out <file>', 'save it, with what the cloud looks like, for `apply` and --diff')
    .option(
      '--diff <files...>',
      'what differs between a saved plan and the one now (or two saved ones), and why',
    )
    .action(async (o: Raw) => (await import('./commands/plan.js')).planCommand(context, o));
  const policy = program
    .command('policy')
    .description('show or change thresholds, weights and the algorithm');
  pooled(policy.command('show', { isDefault: true }))
    .description('show every setting in force')
    .action(async (o: Raw) => (await import('./commands/policy.js')).showPolicyCommand(context, o));
  pooled(policy.command('set <settings...>'))
    .description('change settings: KEY=VALUE ..., e.g. placement.highThreshold=0.5 act=false')
    .action(async (settings: string[], o: Raw) =>
      (await import('./commands/policy.js')).setPolicyCommand(context, { ...o, settings }),
    );
}

function addMoves(program: Command, context: CliContext, result: ProgramResult): void {
  pooled(program.command('move <desktop> <site>'))
    .description('move a desktop to a site now, and follow the move to its end')
    .option('--host <host>', 'to this host of the site')
    .option(
      '--force',
      'although it was moved not long ago, such moves are held back, or it breaks a constraint',
    )
    .option(
      '--deadline <duration>',
      'cancel it by itself where it has not committed within 90s, 10min, 2h ...',
    )
    .option('--follow', 'wait until it has ended (the default)')
    .option('--no-follow', 'only start it')
    .action(async (desktop: string, site: string, o: Raw) => {
      const { moveCommand } = await import('./commands/move.js');
      result.exit = await moveCommand(context, { ...o, desktop, site });
    });
  pooled(program.command('apply <file>'))
    .description(
      'make the moves of a saved plan that are still true, and follow them; say what has changed since',
    )
    .option('--dry-run', 'only say what would become of each')
    .action(async (file: string, o: Raw) => {
      const { applyCommand } = await import('./commands/apply.js');
      result.exit = await applyCommand(context, { ...o, file });
    });
  pooled(program.command('cancel <desktop>'))
    .description("cancel a desktop's move (undone until the commit) or creation, and say what became of it")
    .option('--follow', 'wait until it is decided (the default)')
    .option('--no-follow', 'only ask')
    .action(async (desktop: string, o: Raw) => {
      const { cancelCommand } = await import('./commands/move.js');
      result.exit = await cancelCommand(context, { ...o, desktop });
    });
  pooled(program.command('retry [what]'))
    .description(
      'let the plan try again the moves that are held back: of a desktop, of a host (SITE/HOST), or all',
    )
    .action(async (what: string | undefined, o: Raw) =>
      (await import('./commands/retry.js')).retryCommand(context, { ...o, what }),
    );
  pooled(program.command('force <desktop>'))
    .description('switch a move over now, without waiting for a short pause')
    .action(async (desktop: string, o: Raw) =>
      (await import('./commands/move.js')).forceCommand(context, { ...o, desktop }),
    );
}

function addMaintenance(program: Command, context: CliContext, result: ProgramResult): void {
  pooled(program.command('drain <place>'))
    .description('empty a site (SITE) or a host (SITE/HOST): nobody comes, everybody who may leave leaves')
    .option('--follow', 'wait until it is empty, or what is left cannot leave (the default)')
    .option('--no-follow', 'only begin')
    .action(async (place: string, o: Raw) => {
      const { drainCommand } = await import('./commands/drain.js');
      result.exit = await drainCommand(context, { ...o, place });
    });
  pooled(program.command('undrain <place>'))
    .description('let desktops come to a site or a host again; moves under way go on')
    .action(async (place: string, o: Raw) =>
      (await import('./commands/drain.js')).undrainCommand(context, { ...o, place }),
    );
  const window = program
    .command('window')
    .description('maintenance of sites and hosts: nothing is moved there or from there meanwhile');
  pooled(window.command('add <place>'))
    .description('plan maintenance of a site (SITE) or a host (SITE/HOST)')
    .requiredOption(
      '--from <time>',
      'when it begins: 2026-12-01T22:00 (of this machine), ...Z (UTC), or +2h from now',
    )
    .requiredOption('--to <time>', 'when it ends; +2h: two hours after it has begun')
    .option('--lead <duration>', 'nobody is sent there for so long before it (default: 1h)')
    .option('--drain', 'and in that time whoever is there leaves, as by `vmshadow drain`')
    .action(async (place: string, o: Raw) =>
      (await import('./commands/window.js')).addWindowCommand(context, { ...o, place }),
    );
  pooled(window.command('list'))
    .description('list what is planned and under way')
    .action(async (o: Raw) => (await import('./commands/window.js')).listWindowsCommand(context, o));
  pooled(window.command('remove <place>'))
    .description('drop the maintenance of a site or a host')
    .option('--from <time>', 'only the one that begins then')
    .action(async (place: string, o: Raw) =>
      (await import('./commands/window.js')).removeWindowsCommand(context, { ...o, place }),
    );
  for (const action of ['pause', 'unpause'] as const)
    pooled(program.command(action))
      .description(
        action === 'pause'
          ? 'let the loop start no moves of its own, drains included; those under way go on'
          : 'let the loop start moves again',
      )
      .action(async (o: Raw) => (await import('./commands/pause.js')).pauseCommand(context, action, o));
}

function addReconcile(program: Command, context: CliContext, result: ProgramResult): void {
  pooled(program.command('reconcile'))
    .description(
      'look for what ended moves and lost hosts have left, clear what is safe, say what needs a person',
    )
    .option('--dry-run', 'only say what would be done')
    .action(async (o: Raw) => {
      const { reconcileCommand } = await import('./commands/reconcile.js');
      result.exit = await reconcileCommand(context, o);
    });
}

function addDesktops(program: Command, context: CliContext, result: ProgramResult): void {
  const desktop = program
    .command('desktop')
    .description('list, show, create, start, stop and remove desktops');
  pooled(desktop.command('list [filters...]'))
    .description('list all desktops, or those that all filters hold for')
    .addHelpText('after', FILTER_HELP)
    .action(async (filters: string[], o: Raw) =>
      (await import('./commands/desktop.js')).listCommand(context, { ...o, filters }),
    );
  pooled(desktop.command('show <desktop>'))
    .description("print a desktop's definition, as the file that makes it again")
    .option('--yaml', 'as YAML (the default)')
    .action(async (id: string, o: Raw) =>
      (await import('./commands/show-desktop.js')).showDesktopCommand(context, { ...o, desktop: id }),
    );
  pooled(desktop.command('edit <desktop>'))
    .description(
      'make a stopped desktop what a file says, from its next start on: processors, memory, devices',
    )
    .requiredOption('-f, --file <file>', 'its definition, as `vmshadow desktop show` prints it')
    .action(async (id: string, o: Raw) =>
      (await import('./commands/edit-desktop.js')).editDesktopCommand(context, { ...o, desktop: id }),
    );
  desktop
    .command('import')
    .description(
      "make a desktop's file of another program's definition; say what it leaves out (needs no cloud)",
    )
    .option('--libvirt <file>', 'what `virsh dumpxml --inactive NAME` prints')
    .option('--proxmox <file>', '/etc/pve/qemu-server/ID.conf of Proxmox VE')
    .option('-o, --output <file>', 'where to (default: standard output)')
    .option('--disks <folder>', 'copy its disks there, each as one qcow2 image without backing files')
    .option('--storage <name=folder...>', 'where a storage of Proxmox has its volumes')
    .option('--force', 'overwrite what is there')
    .option('--json', 'print data for programs')
    .action(async (o: Raw) =>
      (await import('./commands/import-desktop.js')).importDesktopCommand(context, o),
    );
  pooled(desktop.command('create [id]'))
    .description('make a desktop from an image or an existing disk')
    .option('-f, --file <file>', 'as this YAML file defines it (docs/desktops.md), not by options')
    .requiredOption('--site <site>', 'where it begins')
    .option('--host <host>', 'at this host of the site')
    .option('--image <path>', 'raw or qcow2 image on that host to copy (default: an empty disk)')
    .option('--vcpus <n>', 'virtual CPUs (default: 1)')
    .option('--memory <MiB>', 'memory in MiB (2^20 bytes)')
    .option('--disk <MiB>', 'size of the disk in MiB (2^20 bytes)')
    .option('--cpu <model>', 'host (default), auto (what all hosts have), or a CPU model of QEMU')
    .option('--kernel <path>', 'boot this Linux kernel instead of the disk')
    .option('--initrd <path>', 'with this initrd')
    .option('--append <text>', 'and this kernel command line')
    .option('--port <port>', 'TCP port of the remote desktop protocol in the guest (default: 5901)')
    .option('--client <key...>', 'public keys of the thin clients that may follow it')
    .option('--client-file <file>', "make the file of a new thin client's proxy too, enrolled from the start")
    .option('--dir <folder>', "with --client-file: the authority's folder (default: ./keys)")
    .option('--config <file>', 'with --client-file: the cloud (default: vmshadow.yaml)')
    .option('--no-start', 'do not start it')
    .action(async (id: string | undefined, o: Raw) => {
      const { createCommand } = await import('./commands/create-desktop.js');
      result.exit = await createCommand(context, { ...o, id });
    });
  pooled(desktop.command('constrain <desktop>'))
    .description(
      'show or change where a desktop may be, whatever it gains; each option replaces what it set before',
    )
    .option('--pin', 'never moved')
    .option('--no-pin', 'moved again')
    .option('--allow <site...>', 'only at these sites')
    .option('--forbid <site...>', 'never at these sites')
    .option('--require <class...>', 'only where a site or host provides these (vmshadow.yaml: provides)')
    .option('--apart <group...>', 'no two of a group on one host (GROUP@site: at one site)')
    .option('--together <group...>', 'a group stays on one host (GROUP@site: at one site)')
    .option('--clear', 'drop all constraints that are not named')
    .action(async (id: string, o: Raw) =>
      (await import('./commands/constrain.js')).constrainCommand(context, { ...o, desktop: id }),
    );
  for (const action of ['start', 'stop'] as const)
    pooled(desktop.command(`${action} <desktop>`))
      .description(action === 'start' ? 'start a stopped desktop' : 'shut a desktop down; its disk stays')
      .action(async (id: string, o: Raw) =>
        (await import('./commands/desktop.js')).powerCommand(context, action, { ...o, desktop: id }),
      );
  pooled(desktop.command('remove <desktop>'))
    .description('remove a stopped desktop and its disk, for ever')
    .option('--yes', 'do not ask')
    .action(async (id: string, o: Raw) => {
      const { removeCommand } = await import('./commands/remove-desktop.js');
      result.exit = await removeCommand(context, { ...o, desktop: id });
    });
}

function addFingerprint(program: Command, context: CliContext): void {
  pooled(program.command('ping <desktop>'))
    .description('name the paths that the connections of a desktop take now, and the round trip of each')
    .action(async (desktop: string, o: Raw) =>
      (await import('./commands/ping.js')).pingCommand(context, { ...o, desktop }),
    );
  pooled(program.command('explain <desktop>'))
    .description("account for a desktop's rank and for what a move would give it")
    .action(async (desktop: string, o: Raw) =>
      (await import('./commands/explain-desktop.js')).explainCommand(context, { ...o, desktop }),
    );
  program
    .command('fingerprint <file>')
    .description(
      'rank the desktops of a packet capture (pcap or pcapng, also .gz; - reads standard input); needs no cloud',
    )
    .option('--desktop <address>', 'the desktop (default: guessed, and said)')
    .option(
      '--port <port>',
      'where a screen is shown, of the desktop or of a relay that it calls (beside those known)',
    )
    .option('--json', 'print data for programs')
    .action(async (file: string, o: Raw) =>
      (await import('./commands/explain-desktop.js')).fingerprintCommand(context, { ...o, file }),
    );
}

function addCompletion(program: Command, context: CliContext): void {
  program
    .command('completion <shell>')
    .description('print the script that completes commands, options and names in bash, zsh or fish')
    .action(async (shell: string) =>
      (await import('./commands/completion.js')).completionCommand(context, { shell }),
    );
  program
    .command('__complete [words...]', { hidden: true })
    .action(async (words: string[]) =>
      (await import('./commands/completion.js')).completeCommand(context, program, words),
    );
}
