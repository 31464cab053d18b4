// `vmshadow doctor`: looks at this machine as what its configuration files make of it (host, manager, thin client), as often as wanted.
// Changes nothing. Exit code 1 where something is wrong.
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { Dom0Config } from '../../domain/model/dom0.js';
import { PoolId } from '../../domain/model/ids.js';
import { clientFindings } from '../../domain/machine/client-findings.js';
import { finding, hasProblem, type Finding } from '../../domain/machine/finding.js';
import { hostFindings } from '../../domain/machine/host-findings.js';
import { controlFindings, managerFindings } from '../../domain/machine/manager-findings.js';
import { lookAtHost, lookAtMachine } from '../../drivers/machine/look.js';
import { ClientConfig } from '../../guest-proxy/protocol/client-config.js';
import { runCommand } from '../../os/run-command.js';
import { parseArguments } from '../arguments.js';
import { parseConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { lookAtControl } from '../control-look.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { completeLook } from '../machine-look.js';
import { probeSites } from '../probe-sites.js';
import { renderFindings, summaryOf } from '../render/findings.js';

const Doctor = z.object({
  config: z.array(z.string().min(1)).optional(),
  json: z.boolean().default(false),
});

const FOLDERS = ['.', '/etc/vmshadow'];
const NAMES = /^(dom0|vmshadow|client(-.+)?)\.yaml$/;

type Role = keyof Files;
interface Found<C> {
  readonly file: string;
  /** Null where it is not valid. */
  readonly config: C | null;
  readonly problem: string | null;
}
interface Files {
  readonly host: Found<Dom0Config>[];
  readonly manager: Found<CloudConfig>[];
  readonly client: Found<ClientConfig>[];
  /** Of which nobody can tell what they are: judged at once. */
  readonly unknown: Examined[];
}
interface Examined {
  readonly role: Role;
  readonly file: string;
  readonly findings: Finding[];
}

/** Run `vmshadow doctor`. */
export async function doctorCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { config, json } = parseArguments(Doctor, raw, 'doctor');
  const paths = config ?? (await filesThere());
  if (paths.length === 0)
    throw new VmshadowError(
      'CONFIG_INVALID',
      `there is no dom0.yaml, vmshadow.yaml or client.yaml in ${FOLDERS.join(' or ')}: name one with --config, or begin with \`vmshadow host init\``,
    );
  const files: Files = { host: [], manager: [], client: [], unknown: [] };
  for (const path of paths) await sortIn(path, files);
  const examined: Examined[] = [...files.unknown];
  const cloud = files.manager.find((f) => f.config !== null)?.config ?? null;
  for (const found of files.host)
    examined.push(await examine('host', found, (c) => examineHost(c, found.file, cloud)));
  for (const found of files.manager) examined.push(await examine('manager', found, examineManager));
  for (const found of files.client)
    examined.push(await examine('client', found, (c) => examineClient(c, found.file)));
  const all = examined.flatMap((e) => e.findings);
  context.out(
    json
      ? JSON.stringify({ examined }, null, 2)
      : [
          ...examined.map(
            ({ role, file, findings }) => `${LABELS[role]} (${file})\n${renderFindings(findings)}\n`,
          ),
          `${summaryOf(all)}.`,
        ].join('\n'),
  );
  return hasProblem(all) ? EXIT.refused : EXIT.ok;
}

const LABELS = { host: 'HOST', manager: 'MANAGER', client: 'THIN CLIENT', unknown: 'FILE' } as const;

async function filesThere(): Promise<string[]> {
  // Who stands in /etc/vmshadow has one of them, not two.
  const folders = FOLDERS.filter((f, i) => FOLDERS.findIndex((other) => resolve(other) === resolve(f)) === i);
  const lists = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => NAMES.test(name)).map((name) => join(folder, name));
    }),
  );
  return lists.flat();
}

/** What a file is shows by its keys, not by its name. One that does not show it keeps nobody from looking at the others. */
async function sortIn(path: string, files: Files): Promise<void> {
  const judge = (message: string, remedy: string) =>
    files.unknown.push({
      role: 'unknown',
      file: path,
      findings: [finding('problem', 'file', message, remedy)],
    });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    judge(`${path} cannot be read: ${messageOf(error)}`, 'let it be read, or name another with --config');
    return;
  }
  if (/^(stateDir|externalPool)\s*:/m.test(text)) files.host.push(await read(path, text, Dom0Config));
  else if (/^sites\s*:/m.test(text)) files.manager.push(await read(path, text, CloudConfig));
  else if (/^identity\s*:/m.test(text)) files.client.push(await read(path, text, ClientConfig));
  else
    judge(
      `${path}: expected the keys of a dom0.yaml (stateDir), a vmshadow.yaml (sites) or a thin client's file (identity)`,
      'correct the file, or name another with --config',
    );
}

async function read<S extends z.ZodType>(file: string, text: string, schema: S): Promise<Found<z.output<S>>> {
  try {
    return { file, config: await parseConfig(text, schema, file), problem: null };
  } catch (error) {
    return { file, config: null, problem: messageOf(error) };
  }
}

async function examine<C>(
  role: Role,
  { file, config, problem }: Found<C>,
  look: (config: C) => Promise<Finding[]>,
): Promise<Examined> {
  const findings =
    config === null ? [finding('problem', 'file', problem ?? file, 'correct the file')] : await look(config);
  return { role, file, findings };
}

/** What the unit of dom0 is given, where the shell that asks does not say otherwise. */
async function useEnvironmentOf(file: string): Promise<void> {
  const text = await readFile(join(dirname(file), 'environment'), 'utf8').catch(() => '');
  for (const [, name = '', value = ''] of text.matchAll(/^(TEMPORAL_\w+|VMSHADOW_\w+)=(.*)$/gm))
    process.env[name] ??= value.replace(/^"(.*)"$/, '$1');
}

async function examineHost(config: Dom0Config, file: string, cloud: CloudConfig | null): Promise<Finding[]> {
  await useEnvironmentOf(file);
  const facts = await lookAtHost(config);
  const running = facts.sockets.some((s) => s.ours && s.protocol === 'tcp' && s.port === config.peer.port);
  return [
    ...hostFindings(await completeLook(facts, config, cloud)),
    finding(
      running ? 'ok' : 'note',
      'dom0',
      running ? 'dom0 runs' : 'dom0 does not run',
      ...(running ? [] : ['systemctl enable --now vmshadow-dom0']),
    ),
    // Where the manager's file is here, too, it is said there.
    ...(cloud === null ? controlFindings(await lookAtControl(null)) : []),
  ];
}

async function examineManager(cloud: CloudConfig): Promise<Finding[]> {
  const [facts, control] = await Promise.all([lookAtMachine(), lookAtControl(PoolId.parse(cloud.pool))]);
  const geoProblem =
    cloud.geoDatabase === undefined
      ? null
      : await access(cloud.geoDatabase).then(
          () => null,
          (error: unknown) => messageOf(error),
        );
  return managerFindings({ facts, cloud, geoProblem, control });
}

async function examineClient(config: ClientConfig, file: string): Promise<Finding[]> {
  const [facts, { mode }, sites] = await Promise.all([
    lookAtMachine(),
    stat(file),
    probeSites(config.probes),
  ]);
  const nftWorks =
    facts.root && facts.tools.includes('nft')
      ? await runCommand(['nft', 'list', 'tables']).then(
          () => true,
          () => false,
        )
      : null;
  return clientFindings({
    facts,
    file,
    readByOthers: (mode & 0o077) !== 0,
    nftWorks,
    sites,
    external: config.external,
  });
}
