// The part of the command line that is about the machine it runs on: daemons, the site cache, keys. None of it speaks of a pool.
import type { Command } from 'commander';
import type { CliContext } from './context.js';
import type { ProgramResult } from './program.js';

type Raw = Record<string, unknown>;

const METRICS_HELP = 'serve metrics to Prometheus at ADDRESS:PORT, or at a PORT of loopback (default: off)';

/** What runs for long: manager, dom0, proxy and their like. */
export function addDaemons(program: Command, context: CliContext): void {
  program
    .command('manager')
    .description('run the manager: the shadow loop and the moves (anywhere)')
    .requiredOption('--config <file>', 'vmshadow.yaml: sites, hosts, policy, limits')
    .option('--metrics <address>', METRICS_HELP)
    .option('--versioned', 'as a version of its own, beside those of other releases (`vmshadow versions`)')
    .action(async (o: Raw) => (await import('./commands/daemons.js')).managerCommand(o));
  const versions = program
    .command('versions')
    .description('the managers that run as versions: which has the work, which only end what they began');
  versions
    .command('list', { isDefault: true })
    .description('list them (also without a word)')
    .option('--json', 'print data for programs')
    .action(async (o: Raw) => (await import('./commands/versions.js')).versionsCommand(context, o));
  versions
    .command('use [version]')
    .description('give new moves, and the loops, to the managers of a version')
    .option('--unversioned', 'to those without a version')
    .option('--json', 'print data for programs')
    .action(async (version: string | undefined, o: Raw) =>
      (await import('./commands/versions.js')).useVersionCommand(context, { ...o, version }),
    );
  program
    .command('dom0')
    .description("run a host's agent: desktops, traffic, connections (as root, on each host)")
    .option('--config <file>', 'dom0.yaml: this host')
    .option('--metrics <address>', METRICS_HELP)
    .option('--example', 'print an example dom0.yaml, with every setting, and end')
    .action(async (o: Raw) => (await import('./commands/daemons.js')).dom0Command(context, o));
  program
    .command('relay')
    .description("run one end of a move's relay (dom0 does, for each move)")
    .requiredOption('--pidfile <file>', 'written when everything is in force')
    .requiredOption('--spec <json>', 'what it connects')
    .action(async (o: Raw) => (await import('./commands/relay.js')).relayCommand(o));
  program
    .command('proxy')
    .description('run the connection proxy of a thin client (as root)')
    .requiredOption('--config <file>', 'client.yaml, made by `vmshadow keys enroll`')
    .option(
      '--state <file>',
      'what it learns of its desktop (default: /var/lib/vmshadow/client-DESKTOP.json)',
    )
    .action(async (o: Raw) => (await import('./commands/proxy.js')).proxyCommand(o));
  program
    .command('codec-server')
    .description('let the Temporal UI on this machine show what is encrypted or compressed')
    .option('--port <port>', 'port on loopback (default: 8234)')
    .option(
      '--origin <url...>',
      'where the UI comes from (default: http://127.0.0.1:8233 http://localhost:8233)',
    )
    .action(async (o: Raw) => (await import('./commands/codec-server.js')).codecServerCommand(context, o));
  program
    .command('web')
    .description('serve a page that shows the pool: map, desktops, moves, plan; it changes nothing')
    .option('--host <address>', 'address to serve at (default: 127.0.0.1); beyond loopback behind a token')
    .option('--port <port>', 'port (default: 8235, or any where that is in use)')
    .option('--name <name...>', 'names, besides addresses and localhost, by which it is asked')
    .option('--token-file <file>', 'the token to ask for (default: a new one, beyond loopback)')
    .option('--ui <url>', "where the Temporal UI is (default: the embedded server's)")
    .option('--pool <pool>', 'the pool of desktops (default: main)')
    .action(async (o: Raw) => (await import('./commands/web.js')).webCommand(context, o));
  program
    .command('dev')
    .description('run a Temporal server with its web UI, and the manager, on this machine')
    .option('--config <file>', 'the cloud', 'vmshadow.yaml')
    .option('--db <file>', 'database of the Temporal server', '.vmshadow/temporal.db')
    .option('--ip <address>', 'address of the server and its UI', '127.0.0.1')
    .option('--insecure', 'although an --ip beyond this machine is open to everybody who reaches it')
    .option('--port <port>', 'port of the server (default: 7233)')
    .option('--ui-port <port>', "port of the server's web UI (default: 8233)")
    .option('--web-port <port>', 'port of the page (default: 8235, or any where that is in use)')
    .option('--no-web', 'without the page')
    .option('--example', 'print an example vmshadow.yaml and end')
    .action(async (o: Raw) => (await import('./commands/dev.js')).devCommand(context, o));
}

/** Setting a machine up, and looking at it. */
export function addHost(program: Command, context: CliContext, result: ProgramResult): void {
  program
    .command('host')
    .description('make a machine a host of the cloud')
    .command('init <host>')
    .description(
      'look at this machine and write its dom0.yaml and systemd unit (host: SITE/HOST); say what is missing',
    )
    .requiredOption(
      '--external <address...>',
      'addresses for desktops, routed to this host: single ones, FIRST-LAST, or a range such as 192.0.2.128/28',
    )
    .option(
      '--uplink <device>',
      'towards the users and the other sites (default: where the default route leads)',
    )
    .option('--address <ip>', 'where the other hosts reach this one (default: the address of the uplink)')
    .option('--slots <n>', 'at most so many desktops (default: as many as addresses)')
    .option('--dir <folder>', 'where dom0.yaml goes (default: /etc/vmshadow)')
    .option('--state-dir <folder>', 'disks and records (default: /var/lib/vmshadow)')
    .option('--run-dir <folder>', 'sockets (default: /run/vmshadow)')
    .option('--image-dir <folder>', 'images (default: images in the state folder)')
    .option('--pki-dir <folder>', 'certificates and identity (default: pki in --dir)')
    .option('--unit-dir <folder>', 'where the unit goes (default: /etc/systemd/system)')
    .option('--temporal <address>', 'ADDRESS:PORT of the Temporal server, for the unit')
    .option('--force', 'overwrite what is there')
    .option('--dry-run', 'write nothing, print it')
    .option('--json', 'print data for programs')
    .action(async (host: string, o: Raw) =>
      (await import('./commands/host-init.js')).hostInitCommand(context, { ...o, host }),
    );
  program
    .command('doctor')
    .description(
      'look at this machine as host, manager or thin client, by the configuration that is there; 1 where something is wrong',
    )
    .option(
      '--config <file...>',
      'dom0.yaml, vmshadow.yaml, client.yaml (default: those here and in /etc/vmshadow)',
    )
    .option('--json', 'print data for programs')
    .action(async (o: Raw) => {
      const { doctorCommand } = await import('./commands/doctor.js');
      result.exit = await doctorCommand(context, o);
    });
}

/** A host's site cache. */
export function addCache(program: Command, context: CliContext): void {
  const cache = program
    .command('cache')
    .description("this host's site cache, for moves that come through relays");
  const common = (command: Command) =>
    command
      .requiredOption('--config <file>', 'dom0.yaml: this host')
      .option('--json', 'print data for programs');
  common(cache.command('show'))
    .description('show what it holds')
    .action(async (o: Raw) => (await import('./commands/cache.js')).showCacheCommand(context, o));
  common(cache.command('add <image>'))
    .description('put the pages of a disk image, raw or qcow2, into it')
    .action(async (image: string, o: Raw) =>
      (await import('./commands/cache.js')).addCacheCommand(context, { ...o, image }),
    );
}

/** The cloud's authority, and what it issues. */
export function addKeys(program: Command, context: CliContext): void {
  const keys = program.command('keys').description("the cloud's authority, certificates of hosts, clients");
  const dir = (command: Command) =>
    command
      .option('--dir <folder>', "the authority's folder (default: ./keys)")
      .option('--json', 'print data for programs');
  dir(keys.command('init'))
    .description('make the authority; one that is there is kept')
    .action(async (o: Raw) => (await import('./commands/keys.js')).initCommand(context, o));
  dir(keys.command('issue <host>'))
    .description('make certificate and identity of a host, SITE/HOST; again: renew the certificate')
    .requiredOption('--address <ip...>', 'addresses at which the host serves its peers')
    .option('--out <folder>', 'where to (default: DIR/hosts/SITE/HOST)')
    .action(async (host: string, o: Raw) =>
      (await import('./commands/keys.js')).issueCommand(context, { ...o, host }),
    );
  dir(keys.command('renew <host>'))
    .description('new certificates of a host (SITE/HOST), for the same addresses')
    .option('--address <ip...>', 'other addresses')
    .action(async (host: string, o: Raw) =>
      (await import('./commands/keys.js')).renewCommand(context, { ...o, host }),
    );
  dir(keys.command('revoke [host]'))
    .description('revoke a host (SITE/HOST), or a thin client')
    .option('--client <key>', "a thin client's public key")
    .action(async (host: string | undefined, o: Raw) =>
      (await import('./commands/keys.js')).revokeCommand(context, { ...o, host }),
    );
  dir(keys.command('enroll <desktop>'))
    .description("make the file of a thin client's proxy")
    .option('--config <file>', 'the cloud (default: vmshadow.yaml)')
    .option('--external <address>', "the desktop's address (default: the loop is asked)")
    .option('--out <file>', 'where to (default: client-DESKTOP.yaml)')
    .option('--pool <pool>', 'the pool of desktops (default: main)')
    .action(async (desktop: string, o: Raw) =>
      (await import('./commands/enroll.js')).enrollCommand(context, { ...o, desktop }),
    );
  keys
    .command('payload <file>')
    .description('make the keys that payloads are encrypted with, or show them')
    .option('--add', 'add a key, to be read with')
    .option('--use <id>', 'write with this one')
    .option('--remove <id>', 'forget this one')
    .option('--json', 'print data for programs')
    .action(async (file: string, o: Raw) =>
      (await import('./commands/payload-keys.js')).payloadKeysCommand(context, { ...o, file }),
    );
  dir(keys.command('show').alias('list'))
    .description('show the authority, the hosts, their public keys, and the days left')
    .action(async (o: Raw) => (await import('./commands/keys.js')).showCommand(context, o));
}
