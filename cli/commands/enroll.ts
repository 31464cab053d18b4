// `vmshadow keys enroll DESKTOP`: the file of a new thin client. Its public key is enrolled at the desktop's host, unless --external says
// that the cloud is not asked; `desktop create --client-file` does both at once.
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { Ipv4 } from '../../domain/model/address.js';
import { DesktopId } from '../../domain/model/ids.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { noDesktop } from '../failures.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { withLoop } from '../with-loop.js';
import { assertFree, newClient, readCloudFacts, writeClientFile } from '../enrollment.js';

const Options = z.object({
  ...poolOptions,
  desktop: DesktopId,
  dir: z.string().min(1).default('keys'),
  config: z.string().min(1).default('vmshadow.yaml'),
  out: z.string().min(1).optional(),
  external: Ipv4.optional(),
});

/** Run `vmshadow keys enroll DESKTOP`. Without --external the loop is asked where the desktop is. */
export async function enrollCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop, dir, config, external, ...options } = parseArguments(
    Options,
    raw,
    'keys enroll',
    ['desktop'],
  );
  const out = options.out ?? `client-${desktop}.yaml`;
  await assertFree(out);
  const facts = await readCloudFacts({ keysDir: dir, cloudFile: config });
  const client = newClient(desktop, external ?? (await presentAddress(pool, desktop)), facts);
  await writeClientFile(out, client);
  const { publicKey } = client.identity;
  // With --external the cloud may be out of reach: then the key is carried by hand.
  if (external === undefined)
    await withLoop(pool, (loop) => loop.update(LOOP.enrollClients, { desktop, clients: [publicKey] }));
  context.out(
    json
      ? JSON.stringify({ desktop, file: out, external: client.external, publicKey }, null, 2)
      : [
          `The thin client's file is ${out}: on the client, run \`vmshadow proxy --config ${out}\`.`,
          `public key  ${publicKey}`,
        ].join('\n'),
  );
}

async function presentAddress(pool: z.output<typeof Options>['pool'], desktop: DesktopId): Promise<string> {
  const status = await withLoop(pool, (loop) => loop.status({ desktop }));
  const [found] = status.desktops;
  if (found === undefined) throw noDesktop(desktop, pool);
  if (found.external === null)
    throw new VmshadowError(
      'DESKTOP_DOWN',
      `desktop ${desktop} has no external address at present: start it, or give its address with --external.`,
      { details: { desktop } },
    );
  return found.external;
}
