// The systemd unit of a host's daemon, made of the one in deploy/ by where things lie on its machine. Pure.

/** Where things lie, as paths. */
export interface UnitPlaces {
  /** What is run as `vmshadow`: a program, and what it is given first. */
  readonly command: readonly [string, ...string[]];
  readonly config: string;
  readonly environment: string;
}

/** Put these places into a unit that has `vmshadow` and /etc/vmshadow, whatever characters they have. */
export function renderUnit(template: string, { command, config, environment }: UnitPlaces): string {
  const [program, ...args] = command;
  const words = [unitWord(program), ...args.map(argument)].join(' ');
  // By functions: a `$` in a path is no pattern of replace().
  return template
    .replace('/usr/bin/env vmshadow', () => words)
    .replaceAll('/etc/vmshadow/dom0.yaml', () => argument(config))
    .replaceAll('/etc/vmshadow/environment', () => plain(environment));
}

/** `%` begins a specifier everywhere in a unit (systemd.unit(5)). */
const plain = (path: string) => path.replaceAll('%', '%%');

/** One word of a command line (systemd.service(5), "Command lines"). */
function unitWord(path: string): string {
  const text = plain(path);
  return /[\s"'\\;]/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : text;
}

/** In arguments, not in the program's path, `$` begins a variable. */
const argument = (path: string) => unitWord(path.replaceAll('$', '$$$$'));
