// `vmshadow desktop create`, by options or by a file (domain/model/desktop-document.ts): has it begun, then shows it until it has ended. Ctrl-C ends the showing, never the creation.
import { z } from 'zod';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { CreateDesktop, type CreateDesktopRequest } from '../../temporal/contract/requests.js';
import { DesktopDocument, wantedOf } from '../../domain/model/desktop-document.js';
import { integer, parseArguments, poolOptions, usageError } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withLoop } from '../with-loop.js';
import { followCreate } from './follow-create.js';

/** What the shell gives for a new desktop; numbers are text. */
const Create = z.object({
  ...poolOptions,
  id: CreateDesktop.out.shape.id.optional(),
  file: z.string().min(1).optional(),
  site: CreateDesktop.out.shape.site,
  host: CreateDesktop.out.shape.host,
  image: z.string().min(1).optional(),
  vcpus: integer.pipe(CreateDesktop.out.shape.vcpus.unwrap()).optional(),
  memory: integer.pipe(CreateDesktop.out.shape.memoryMiB).optional(),
  disk: integer.pipe(CreateDesktop.out.shape.diskMiB).optional(),
  cpu: CreateDesktop.out.shape.cpu,
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

type Given = z.output<typeof Create>;
type Definition = Partial<CreateDesktopRequest> &
  Pick<CreateDesktopRequest, 'memoryMiB' | 'diskMiB'> & { readonly id: DesktopId };

/** Options that a file says instead. */
const DEFINES = ['image', 'vcpus', 'memory', 'disk', 'cpu', 'kernel', 'initrd', 'append', 'port'] as const;

/** What the options or the file define. */
async function definitionOf(given: Given): Promise<Definition> {
  const name = 'desktop create';
  if (given.file !== undefined) {
    const both = DEFINES.filter((option) => given[option] !== undefined);
    if (both.length > 0)
      throw usageError(name, `${both.map((o) => `--${o}`).join(', ')}: the file says that; give one of both`);
    const document = await loadConfig(given.file, DesktopDocument, "a desktop's definition");
    const id = given.id ?? document.id;
    if (id === undefined)
      throw usageError(name, `expected an id, as the first argument or as \`id\` in ${given.file}`);
    const { disks, image, ...wanted } = wantedOf(document);
    return { ...wanted, id, image, ...(disks === undefined ? {} : { disks: [...disks] }) };
  }
  const missing = (['id', 'memory', 'disk'] as const).filter((option) => given[option] === undefined);
  const { id, memory, disk } = given;
  if (id === undefined || memory === undefined || disk === undefined)
    throw usageError(
      name,
      `expected ${missing.map((o) => (o === 'id' ? o : `--${o}`)).join(', ')}, or a file that defines the desktop (-f)`,
    );
  const boot: CreateDesktopRequest['boot'] =
    given.kernel === undefined
      ? { kind: 'disk' }
      : { kind: 'kernel', kernel: given.kernel, initrd: given.initrd, append: given.append };
  const { image, vcpus, cpu } = given;
  return { id, image, vcpus, cpu, memoryMiB: memory, diskMiB: disk, boot, remoteDesktopPort: given.port };
}

/** Run `vmshadow desktop create [ID] --site SITE ...`. */
export async function createCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const given = parseArguments(Create, raw, 'desktop create', ['id']);
  const definition = await definitionOf(given);
  const { id } = definition;
  const client = given.clientFile === undefined ? null : await prepareClient(id, given.clientFile, given);
  const request: CreateDesktopRequest = {
    ...definition,
    site: given.site,
    host: given.host,
    clients: [...given.client, ...(client === null ? [] : [client.publicKey])],
    start: given.start,
    wait: false,
  };
  return withLoop(given.pool, async (loop) => {
    await loop.update(LOOP.createDesktop, request);
    const end = await followCreate(context, loop, id);
    if (end === null) {
      const later =
        client === null
          ? ''
          : ` Its client's file is not made: \`vmshadow keys enroll ${id}\` does that when it is there.`;
      context.note(
        `The creation of ${id} goes on at its host without this command. \`vmshadow status\` shows it, \`vmshadow cancel ${id}\` ends it.${later}`,
      );
      return EXIT.interrupted;
    }
    if (end.outcome !== 'made' || end.external === null) {
      if (given.json) context.out(JSON.stringify(end, null, 2));
      context.note(
        `${id}: not made (${end.outcome}), ${end.note}: ${end.error?.message ?? 'no reason given'}`,
      );
      return EXIT.refused;
    }
    await client?.write(end.external);
    if (client !== null) context.note(`The thin client's file is ${client.file}.`);
    const { desktop, host, internal, external, remoteDesktopPort } = end;
    context.out(
      given.json
        ? JSON.stringify({ desktop, host, internal, external, remoteDesktopPort }, null, 2)
        : `${desktop} ${given.start ? 'runs' : 'is ready'} at ${hostKey(host)}, address ${external}. Point a viewer at ${external}:${String(remoteDesktopPort)}.`,
    );
    return EXIT.ok;
  });
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
