// What `npm run demo` can be told. The defaults keep the whole demo within six minutes on two cores under software emulation.
import { Command, Option } from 'commander';
import { z } from 'zod';
import { parseInput } from '../../domain/model/parse.js';
import { FingerprintPolicy, PlacementPolicy } from '../../domain/model/policy.js';

export const DemoOptions = z
  .object({
    wanMbps: z.coerce.number().positive().max(10_000),
    rttWestMs: z.coerce.number().min(0).max(2_000),
    rttEastMs: z.coerce.number().min(0).max(2_000),
    memoryMiB: z.coerce.number().int().min(160).max(65_536),
    diskMiB: z.coerce.number().int().min(512).max(1_048_576),
    /** Data on each disk; what the image itself does not hold is filled in. */
    diskUsedMiB: z.coerce.number().int().min(0).max(1_048_576),
    fingerprint: FingerprintPolicy.shape.mode.unwrap(),
    algorithm: PlacementPolicy.out.shape.algorithm.unwrap(),
    keep: z.boolean(),
    paper: z.boolean(),
    out: z.string().min(1),
    /** Names of namespaces begin with it. */
    prefix: z.string().regex(/^[a-z][a-z0-9]{1,15}$/, 'expected 2 to 16 of a-z and 0-9'),
  })
  .refine((o) => o.rttEastMs < o.rttWestMs, {
    path: ['rttEastMs'],
    message: 'us-east must be nearer to the user than us-west, or there is nothing to gain',
  });
export type DemoOptions = z.infer<typeof DemoOptions>;

/** RAM, disk and WAN rate of MMSys'14 section 8. */
const PAPER = { wanMbps: 60, memoryMiB: 1024, diskMiB: 2048, diskUsedMiB: 1100 } as const;
const DEFAULTS = {
  wanMbps: 200,
  rttWestMs: 100,
  rttEastMs: 20,
  memoryMiB: 256,
  diskMiB: 1024,
  diskUsedMiB: 0,
  // The product's own; `--fingerprint paper --algorithm cost-aware` for the paper's.
  fingerprint: 'predicted-gain',
  algorithm: 'exact',
  keep: false,
  paper: false,
  out: 'demo-report',
  prefix: 'vmsdemo',
} as const;

/** Where the command line has the unit in its help, a field has it in its name. */
const FIELDS: Readonly<Record<string, string>> = {
  memory: 'memoryMiB',
  disk: 'diskMiB',
  diskUsed: 'diskUsedMiB',
};

/** Parse the demo's command line; throws INPUT_INVALID with every problem. */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description(
      'A desktop follows its user: real QEMU desktops, a real Temporal server, real packets through a real NAT, a real VNC session.',
    )
    .addOption(
      new Option('--wan-mbps <n>', `rate of the WAN between sites (default ${String(DEFAULTS.wanMbps)})`),
    )
    .addOption(
      new Option(
        '--rtt-west-ms <n>',
        `round trip between the user and us-west (default ${String(DEFAULTS.rttWestMs)})`,
      ),
    )
    .addOption(
      new Option(
        '--rtt-east-ms <n>',
        `round trip between the user and us-east (default ${String(DEFAULTS.rttEastMs)})`,
      ),
    )
    .addOption(new Option('--memory <MiB>', `RAM of each desktop (default ${String(DEFAULTS.memoryMiB)})`))
    .addOption(
      new Option(
        '--disk-used <MiB>',
        `data on it, filled in where the image holds less (default: the image's own, about 70)`,
      ),
    )
    .addOption(new Option('--disk <MiB>', `disk of each desktop (default ${String(DEFAULTS.diskMiB)})`))
    .addOption(
      new Option('--fingerprint <mode>', `paper or predicted-gain (default ${DEFAULTS.fingerprint})`),
    )
    .addOption(new Option('--algorithm <name>', `placement algorithm (default ${DEFAULTS.algorithm})`))
    .option(
      '--paper',
      "the paper's sizes: 1 GB of RAM, 2 GB of disk with 1.1 GB used, 60 Mbit/s (takes five minutes more)",
    )
    .option('--keep', 'leave the world up afterwards, and say how to look at it')
    .option('--prefix <name>', 'what its namespaces are called by, to run two at once', DEFAULTS.prefix)
    .option('--out <dir>', 'where the report goes', DEFAULTS.out)
    .parse(argv, { from: 'user' });
  const given = Object.fromEntries(
    Object.entries(command.opts<Record<string, unknown>>()).map(([name, value]) => [
      FIELDS[name] ?? name,
      value,
    ]),
  );
  return parseInput(
    DemoOptions,
    { ...DEFAULTS, ...(given['paper'] === true ? PAPER : {}), ...given },
    'npm run demo',
  );
}
