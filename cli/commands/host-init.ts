// `vmshadow host init`: proposes this machine's dom0.yaml and systemd unit by what it is, says what vmshadow.yaml needs and what is missing.
// Nothing that is there is overwritten without --force; files are written all or none.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { DEFAULT_QEMU_USER, Dom0Config } from '../../domain/model/dom0.js';
import { hostFindings } from '../../domain/machine/host-findings.js';
import { expandAddresses, proposeHost } from '../../domain/machine/propose.js';
import { renderUnit } from '../../domain/machine/unit-file.js';
import { lookAtHost } from '../../drivers/machine/look.js';
import { integer, parseArguments } from '../arguments.js';
import { parseConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { hostArgument } from '../place-argument.js';
import { completeLook } from '../machine-look.js';
import { writeAll, type OutFile } from '../out-files.js';
import { packageFile } from '../package-file.js';
import { renderDom0 } from '../render/dom0-yaml.js';
import { renderFindings, summaryOf } from '../render/findings.js';

const path = z
  .string()
  .min(1)
  .transform((text) => resolve(text));

const Init = z.object({
  host: hostArgument,
  external: z.array(z.string()).min(1),
  uplink: z.string().min(1).optional(),
  address: Ipv4.optional(),
  slots: integer.optional(),
  dir: path.default('/etc/vmshadow'),
  stateDir: path.default('/var/lib/vmshadow'),
  runDir: path.default('/run/vmshadow'),
  imageDir: path.optional(),
  pkiDir: path.optional(),
  unitDir: path.default('/etc/systemd/system'),
  temporal: z
    .string()
    .regex(/^[\w.:[\]-]+:\d{1,5}$/, 'expected ADDRESS:PORT')
    .optional(),
  force: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** Run `vmshadow host init SITE/HOST`. */
export async function hostInitCommand(context: CliContext, raw: unknown): Promise<void> {
  const given = parseArguments(Init, raw, 'host init', ['host']);
  const external = expandAddresses(given.external);
  const facts = await lookAtHost({ ...given, qemuUser: DEFAULT_QEMU_USER });
  const config = proposeHost(facts, {
    ...given,
    ...given.host,
    external,
    imageDir: given.imageDir ?? join(given.stateDir, 'images'),
    pkiDir: given.pkiDir ?? join(given.dir, 'pki'),
  });
  const files = await filesOf(config, given);
  if (!given.dryRun) await writeAll(files, given.force);
  const findings = hostFindings(await completeLook(facts, config, null));
  const cloud = {
    sites: [
      {
        id: config.site,
        kind: 'regional',
        hosts: [{ id: config.host, peer: config.peer, probe: config.probe }],
      },
    ],
  };
  if (given.json) {
    context.out(JSON.stringify({ files, written: !given.dryRun, cloud, findings }, null, 2));
    return;
  }
  const { stringify } = await import('yaml');
  context.out(
    [
      ...files.map(({ path: file, text }) => (given.dryRun ? `# ---- ${file}\n${text}` : `written  ${file}`)),
      `\n# vmshadow.yaml needs, where the manager runs (kind: regional near users, global large and far):\n${stringify(cloud)}`,
      renderFindings(findings),
      `\n${summaryOf(findings)}. \`vmshadow doctor\` looks again at any time; then: systemctl enable --now vmshadow-dom0`,
    ].join('\n'),
  );
}

async function filesOf(
  config: Dom0Config,
  { dir, unitDir, temporal }: { dir: string; unitDir: string; temporal?: string | undefined },
): Promise<OutFile[]> {
  const file = join(dir, 'dom0.yaml');
  const text = renderDom0(
    config,
    'Made by `vmshadow host init` from what the machine is: change what is not so.',
  );
  // What is written is what will be read.
  await parseConfig(text, Dom0Config, file);
  const environment = join(dir, 'environment');
  const unit = await readFile(packageFile('deploy/vmshadow-dom0.service'), 'utf8');
  return [
    { path: file, text },
    {
      path: join(unitDir, 'vmshadow-dom0.service'),
      text: renderUnit(unit, {
        command: [process.execPath, packageFile('bin/vmshadow.js')],
        config: file,
        environment,
      }),
    },
    ...(temporal === undefined ? [] : [{ path: environment, text: `TEMPORAL_ADDRESS=${temporal}\n` }]),
  ];
}
