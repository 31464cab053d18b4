// Machines of their own for what a person types: each has its namespace of a lab world, its own /etc/vmshadow, /var/lib/vmshadow and so
// on, and stands in for what a lab machine has not: systemd, ssh, an installed command.
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StartedCommand } from '../../../../os/start-command.js';
import type { World } from '../../../../lab/net/world.js';
import { VMSHADOW_BIN } from '../../../support/vmshadow.js';

/** What each machine has for itself; the last one is where its user works. */
const OWN = ['/etc/vmshadow', '/etc/systemd/system', '/var/lib/vmshadow', '/run/vmshadow', '/srv/vmshadow'];
const WORK = '/srv/vmshadow';

export interface MachineSpec {
  readonly name: string;
  readonly namespace: string;
  /** Where `scp` finds it. */
  readonly address: string;
}

export class Machines {
  readonly #world: World;
  readonly #dir: string;
  readonly #holders = new Map<string, { spec: MachineSpec; holder: StartedCommand }>();

  private constructor(world: World, dir: string) {
    this.#world = world;
    this.#dir = dir;
  }

  /** Make them in `dir`, which goes with the world. */
  static async start(world: World, dir: string, specs: readonly MachineSpec[]): Promise<Machines> {
    const machines = new Machines(world, dir);
    await chmod(dir, 0o755);
    await machines.#writeStandIns(specs);
    for (const spec of specs) {
      const layers = machines.path(spec.name, '/layers');
      for (const path of [...OWN, '/layers'])
        await mkdir(machines.path(spec.name, path), { recursive: true });
      const holder = world.spawn(spec.namespace, [
        'sh',
        '-ec',
        mounts(layers, (path) => machines.path(spec.name, path)),
      ]);
      await once(holder.stdout, 'data');
      machines.#holders.set(spec.name, { spec, holder });
    }
    return machines;
  }

  /** Where a path of a machine lies. */
  path(machine: string, path: string): string {
    return join(this.#dir, machine, path);
  }

  /** Type `script` at a machine; what it prints. Variables that it exports stay. */
  async type(machine: string, script: string): Promise<string> {
    const { spec, holder } = this.#holders.get(machine)!;
    const kept = join(this.#dir, `${machine}.env`);
    const text = `cd ${WORK}; [ ! -f ${kept} ] || . ${kept}; set -e\n${script}\nexport -p > ${kept}`;
    const child = this.#world.spawn(
      spec.namespace,
      ['nsenter', '--mount', `--target=${String(holder.pid)}`, 'sh', '-c', text],
      {
        env: {
          PATH: `${join(this.#dir, 'bin')}:${process.env['PATH'] ?? ''}`,
          NODE_OPTIONS: '',
        },
      },
    );
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString()));
    child.stderr.on('data', (part: Buffer) => (said += part.toString()));
    const { exitCode } = await child.ended;
    if (exitCode !== 0) throw new Error(`${machine}: ${script}\nended with ${String(exitCode)}:\n${said}`);
    return said;
  }

  async #writeStandIns(specs: readonly MachineSpec[]): Promise<void> {
    const bin = join(this.#dir, 'bin');
    await mkdir(bin, { recursive: true });
    const script = (name: string, text: string) =>
      writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    await script('vmshadow', `exec ${process.execPath} ${VMSHADOW_BIN} "$@"`);
    const cases = specs.map((s) => `root@${s.address}:*) echo "${join(this.#dir, s.name)}\${1#*:}" ;;`);
    await script(
      'scp',
      `there() { case $1 in ${cases.join(' ')} *) echo "$1" ;; esac; }
       [ "$1" != -r ] || shift
       exec cp -r "$(there "$1")" "$(there "$2")"`,
    );
    // Of a unit what ours have: an environment file and a command.
    await script(
      'systemctl',
      `[ "$1 $2" = 'enable --now' ] || exit 3
       unit=/etc/systemd/system/$3.service
       file=$(sed -n 's/^EnvironmentFile=-//p' $unit)
       [ ! -f "$file" ] || export $(grep -v '^#' "$file")
       VMSHADOW_LOG=json setsid $(sed -n 's/^ExecStart=//p' $unit) > /srv/vmshadow/$3.log 2>&1 < /dev/null &`,
    );
  }
}

/** Folders in which a machine has some of its own: they get a layer above them, so that the machine below is not touched. */
const LAYERED = ['/etc', '/var/lib', '/srv', '/run'];

/** Commands that mount what a machine has for itself, and then wait to be ended. */
function mounts(layers: string, own: (path: string) => string): string {
  const layer = (path: string) => {
    const [upper, work] = [`${layers}${path}/upper`, `${layers}${path}/work`];
    return `mkdir -p ${upper} ${work}; mount -t overlay overlay -o lowerdir=${path},upperdir=${upper},workdir=${work} ${path}`;
  };
  return [
    `mount -t tmpfs none ${layers}`,
    ...LAYERED.map(layer),
    ...OWN.map((path) => `mkdir -p ${path}; mount --bind ${own(path)} ${path}`),
    'echo up; exec sleep infinity',
  ].join('\n');
}
