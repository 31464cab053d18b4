// Removes a lab world completely, from its own process or after a crash: processes in its namespaces, those it registered, its
// namespaces (and with them devices, rules, qdiscs), its files. Doing it twice is harmless.
// As a program: `tsx lab/net/cleanup.ts [PREFIX ...]`; without a prefix, every world whose owner is gone.
import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { endProcessesIn, listNamespaces } from './commands.js';
import { runCommand } from '../../os/run-command.js';
import { isAlive, listPrefixes, readEntry, removeEntry } from './registry.js';

export interface CleanupReport {
  readonly processes: number;
  readonly namespaces: number;
}

/** Namespaces of a world, by name. */
export async function namespacesOf(prefix: string): Promise<string[]> {
  return (await listNamespaces()).filter((name) => name.startsWith(`${prefix}-`));
}

/** Remove everything of the world with this prefix, whoever made it. */
export async function cleanupWorld(prefix: string): Promise<CleanupReport> {
  const entry = readEntry(prefix);
  const namespaces = await namespacesOf(prefix);
  const outside = (entry?.processes ?? []).filter(isAlive);
  for (const { pid } of outside) process.kill(pid, 'SIGTERM');
  const ended = await endProcessesIn(namespaces);
  for (const { pid } of outside.filter(isAlive)) process.kill(pid, 'SIGKILL');
  for (const name of namespaces) await runCommand(['ip', 'netns', 'delete', name]).catch(ignoreGone(name));
  for (const path of entry?.paths ?? []) rmSync(path, { recursive: true, force: true });
  removeEntry(prefix);
  return { processes: ended + outside.length, namespaces: namespaces.length };
}

/** Another cleanup of the same world may have been quicker; anything else is an error. */
function ignoreGone(name: string): (error: unknown) => Promise<void> {
  return async (error) => {
    if ((await listNamespaces()).includes(name)) throw error;
  };
}

/** Remove all worlds whose owner has died; gives their prefixes. */
export async function cleanupDeadWorlds(): Promise<string[]> {
  const dead = listPrefixes().filter((prefix) => {
    const entry = readEntry(prefix);
    return entry === null || !isAlive(entry.owner);
  });
  for (const prefix of dead) await cleanupWorld(prefix);
  return dead;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const asked = process.argv.slice(2);
  const cleaned = asked.length > 0 ? asked : await cleanupDeadWorlds();
  for (const prefix of asked) await cleanupWorld(prefix);
  console.log(cleaned.length === 0 ? 'nothing to remove' : `removed: ${cleaned.join(', ')}`);
}
