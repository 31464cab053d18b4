// Saved plans on disk, and the cloud as the loop's status shows it, as they keep it.
import { access, constants, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { convertSize } from '../domain/model/units.js';
import { readPlanDocument, type PlanDocument } from '../domain/placement/life/document.js';
import type { CloudSnapshot } from '../domain/placement/life/snapshot.js';
import { writeDurably } from '../os/durable-file.js';
import { usageError } from './arguments.js';
import type { LoopStatus } from '../temporal/contract/status.js';

/** Read a file of JSON; throws INPUT_INVALID, which says what was expected. */
export async function readJson(path: string, expected: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new VmshadowError('INPUT_INVALID', `${path}: cannot be read (${messageOf(cause)}); ${expected}`, {
      cause,
    });
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const hint = /\b(NaN|Infinity)\b/.test(text)
      ? '; NaN and Infinity are no JSON: leave out a round-trip time that is not known'
      : '';
    throw new VmshadowError('INPUT_INVALID', `${path}: not valid JSON (${messageOf(cause)})${hint}`, {
      cause,
    });
  }
}

/** Read a saved plan; throws INPUT_INVALID with every problem. */
export async function readSavedPlan(path: string): Promise<PlanDocument> {
  return readPlanDocument(
    await readJson(path, 'expected a plan that `vmshadow plan --out FILE` has saved'),
    path,
  );
}

/** Where a plan goes, found before it is made: links are followed, and what is there keeps its mode. */
export interface PlanPlace {
  readonly path: string;
  readonly mode: number;
}

/** Find where `path` leads; refused where something is there that is no saved plan, or where no file can be made. */
export async function planPlace(path: string): Promise<PlanPlace> {
  const refuse = (why: string) =>
    usageError('plan', `${path}: ${why}; give --out the name of a new file, or of a saved plan`);
  let real: string;
  try {
    real = await realpath(path);
  } catch {
    const folder = dirname(resolve(path));
    await access(folder, constants.W_OK).catch((cause: unknown) => {
      throw refuse(`no file can be made in ${folder} (${messageOf(cause)})`);
    });
    return { path, mode: 0o644 };
  }
  const known = await stat(real);
  if (!known.isFile()) throw refuse('this is not a regular file');
  await readSavedPlan(real).catch(() => {
    throw refuse('this file is there, and is no saved plan');
  });
  return { path: real, mode: known.mode & 0o777 };
}

/** Save a plan, whole or not at all; one that was there is replaced. */
export async function savePlan({ path, mode }: PlanPlace, document: PlanDocument): Promise<void> {
  await writeDurably(path, `${JSON.stringify(document, null, 1)}\n`, mode).catch((cause: unknown) => {
    throw new VmshadowError('RECORD_UNWRITTEN', `${path}: the plan cannot be saved (${messageOf(cause)})`, {
      cause,
    });
  });
}

const gigabytes = (mib: number) => convertSize(mib, 'MiB', 'GB');

/** The cloud as a status with all of its desktops shows it. */
export function snapshotOfStatus(status: LoopStatus, policy: CloudSnapshot['policy']): CloudSnapshot {
  return {
    sites: status.sites.map(({ site, kind, slots, draining }) => ({
      id: site,
      ...(draining === true ? { draining } : {}),
      kind: kind as 'global' | 'regional',
      slots,
      hosts: status.hosts
        .filter((h) => h.host.site === site)
        .map(({ host, alive, draining: emptied, capacity: room }) => ({
          id: host.host,
          alive,
          ...(emptied === true && draining !== true ? { draining: emptied } : {}),
          ...(room === null
            ? {}
            : {
                slots: room.slots,
                vcpu: room.vcpus,
                memoryGB: gigabytes(room.memoryMiB),
                diskGB: gigabytes(room.diskMiB),
              }),
        })),
    })),
    desktops: [...new Map(status.desktops.map((d) => [d.desktop, d])).values()].map((d) => ({
      id: d.desktop,
      site: d.host.site,
      host: d.host.host,
      state: d.state,
      rank: d.rank,
      rttMs: { ...d.rtts },
      ...(d.constraints === undefined ? {} : { constraints: d.constraints }),
    })),
    policy,
  };
}
