// `vmshadow versions` and `vmshadow versions use`: the managers under Temporal's worker versioning.
import { z } from 'zod';
import type { ManagerVersion } from '../../temporal/manager-versions.js';
import { parseArguments, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { formatAge, plural } from '../render/format.js';
import { section, type Column } from '../render/table.js';
import { withClient } from '../with-client.js';

const Options = z.object({ json: z.boolean().default(false) });

const COLUMNS: readonly Column[] = [
  { head: 'version' },
  { head: 'state' },
  { head: 'first seen' },
  { head: 'moves', right: true },
];

const WORDS = {
  current: 'current: has the loop and new moves',
  draining: 'ends the moves that it began',
  drained: 'has nothing left: may be stopped',
  waiting: 'waits to be used',
} as const;

/** Run `vmshadow versions`. */
export async function versionsCommand(context: CliContext, raw: unknown): Promise<void> {
  const { json } = parseArguments(Options, raw, 'versions');
  const { managerVersions } = await import('../../temporal/manager-versions.js');
  const versions = await withClient(managerVersions);
  context.out(json ? JSON.stringify(versions, null, 2) : rendered(versions, Date.now()));
}

function rendered(versions: readonly ManagerVersion[], nowMs: number): string {
  const rows = versions.map((v) => [v.buildId, WORDS[v.state], formatAge(v.sinceMs, nowMs), String(v.open)]);
  return rows.length === 0
    ? 'No manager runs as a version (`vmshadow manager --versioned`): all managers share the work, and must be of one release.'
    : section('MANAGERS', COLUMNS, rows, '');
}

const UseOptions = z.object({
  ...Options.shape,
  version: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'expected a version that `vmshadow versions` lists')
    .optional(),
  unversioned: z.boolean().default(false),
});

/** Run `vmshadow versions use VERSION` or `vmshadow versions use --unversioned`. */
export async function useVersionCommand(context: CliContext, raw: unknown): Promise<void> {
  const { json, version, unversioned } = parseArguments(UseOptions, raw, 'versions use', ['version']);
  if ((version === undefined) !== unversioned)
    throw usageError('versions use', 'expected a version, or --unversioned');
  const { makeCurrent, managerVersions } = await import('../../temporal/manager-versions.js');
  const versions = await withClient(async (client) => {
    await makeCurrent(client, version ?? null);
    return managerVersions(client);
  });
  context.out(json ? JSON.stringify(versions, null, 2) : used(version, versions));
}

function used(version: string | undefined, versions: readonly ManagerVersion[]): string {
  const left = versions
    .filter((v) => v.buildId !== version && v.open > 0)
    .map((v) => `${v.buildId} ends ${plural(v.open, 'move')} that it began: leave its managers running.`);
  return [`New moves and the loops go to ${version ?? 'managers without a version'}.`, ...left].join('\n');
}
