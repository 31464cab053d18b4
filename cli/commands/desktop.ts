// `vmshadow desktop list|create|start|stop`.
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { CreateDesktop, type CreateDesktopRequest } from '../../temporal/contract/requests.js';
import type { DesktopStatus } from '../../temporal/contract/status.js';
import { integer, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';
import { renderDesktops } from '../render/status.js';

const List = z.object(poolOptions);

/** Run `vmshadow desktop list`. */
export async function listCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json } = parseArguments(List, raw, 'desktop list');
  const desktops: readonly DesktopStatus[] = await withLoop(
    pool,
    async (loop) => (await loop.wholeStatus()).desktops,
  );
  context.out(json ? JSON.stringify(desktops, null, 2) : renderDesktops(desktops, Date.now()));
}

/** What the shell gives for a new desktop; numbers are text. */
const Create = z.object({
  ...poolOptions,
  id: CreateDesktop.out.shape.id,
  site: CreateDesktop.out.shape.site,
  host: CreateDesktop.out.shape.host,
  image: z.string().min(1).optional(),
  vcpus: integer.pipe(CreateDesktop.out.shape.vcpus.unwrap()).optional(),
  memory: integer.pipe(CreateDesktop.out.shape.memoryMiB),
  disk: integer.pipe(CreateDesktop.out.shape.diskMiB),
  kernel: z.string().min(1).optional(),
  initrd: z.string().min(1).optional(),
  append: z.string().optional(),
  port: integer.pipe(CreateDesktop.out.shape.remoteDesktopPort.unwrap()).optional(),
  client: CreateDesktop.out.shape.clients,
  clientFile: z.string().min(1).optional(),
  dir: z.string().min(1).default('keys'),
  config: z.string().min(1).default('vmshadow.yaml'),
  start: z.boolean().default(true),
});

/** Run `vmshadow desktop create ID --site SITE ...`. */
export async function createCommand(context: CliContext, raw: unknown): Promise<void> {
  const given = parseArguments(Create, raw, 'desktop create', ['id']);
  const boot: CreateDesktopRequest['boot'] =
    given.kernel === undefined
      ? { kind: 'disk' }
      : { kind: 'kernel', kernel: given.kernel, initrd: given.initrd, append: given.append };
  const client =
    given.clientFile === undefined ? null : await prepareClient(given.id, given.clientFile, given);
  const request: CreateDesktopRequest = {
    id: given.id,
    site: given.site,
    host: given.host,
    image: given.image,
    vcpus: given.vcpus,
    memoryMiB: given.memory,
    diskMiB: given.disk,
    boot,
    remoteDesktopPort: given.port,
    clients: [...given.client, ...(client === null ? [] : [client.publicKey])],
    start: given.start,
  };
  const created = await withLoop(given.pool, (loop) => loop.update(LOOP.createDesktop, request));
  await client?.write(created.external);
  if (client !== null) context.note(`The thin client's file is ${client.file}.`);
  context.out(
    given.json
      ? JSON.stringify(created, null, 2)
      : `${created.desktop} ${given.start ? 'runs' : 'is ready'} at ${created.host.site}/${created.host.host}, address ${created.external}. Point a viewer at ${created.external}:${String(created.remoteDesktopPort)}.`,
  );
}

/** Everything that may fail about the client's file is tried before the desktop is made; only its address comes later. */
async function prepareClient(desktop: string, file: string, from: { dir: string; config: string }) {
  const { assertFree, newClient, readCloudFacts, writeClientFile } = await import('../enrollment.js');
  await assertFree(file);
  const facts = await readCloudFacts({ keysDir: from.dir, cloudFile: from.config });
  const draft = newClient(desktop, UNKNOWN_ADDRESS, facts);
  return {
    file,
    publicKey: draft.identity.publicKey,
    write: (external: string) => writeClientFile(file, { ...draft, external }),
  };
}

/** Stands in the draft of a client's file until the desktop has its address; never written. */
const UNKNOWN_ADDRESS = '0.0.0.0';

const Power = z.object({ ...poolOptions, desktop: DesktopId });

/** Run `vmshadow desktop start ID` or `vmshadow desktop stop ID`. */
export async function powerCommand(
  context: CliContext,
  action: 'start' | 'stop',
  raw: unknown,
): Promise<void> {
  const { pool, json, desktop } = parseArguments(Power, raw, `desktop ${action}`, ['desktop']);
  await withLoop(pool, (loop) => loop.update(LOOP.desktopPower, { desktop, action }));
  context.out(
    json
      ? JSON.stringify({ desktop, action }, null, 2)
      : `${desktop}: ${action === 'start' ? 'started' : 'stopped'}.`,
  );
}
