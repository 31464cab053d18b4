// Where the CPU of a relay goes: V8's sampled profiles, summed up by function.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Share {
  readonly name: string;
  readonly share: number;
}

/** Node's options that have it write its profile to this folder when it ends. */
export const profileOptions = (folder: string): string[] => ['--cpu-prof', `--cpu-prof-dir=${folder}`];

/** The functions that took most of the working time of the one profile in a folder. */
export async function readProfile(folder: string, most: number): Promise<Share[]> {
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error(`no profile in ${folder}: the relay did not end in order`);
  return sharesOf(JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile).slice(0, most);
}

/** Share of each function in the samples but those of waiting, from the first of a batch on (before it, programs are loaded); the largest first. */
function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): Share[] {
  const ofBatches = new Set(
    nodes
      .filter((n) => /(encoder|decoder)\.js$/.test(n.callFrame.url) && n.callFrame.functionName !== '')
      .map((n) => n.id),
  );
  const first = samples.findIndex((id) => ofBatches.has(id));
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      `${functionName || '(anonymous)'}${url === '' ? '' : ` ${basename(url)}`}`,
    ]),
  );
  const sums = new Map<string, number>();
  samples.forEach((id, i) => {
    if (i < first) return;
    const name = names.get(id) ?? '?';
    if (name !== '(idle)') sums.set(name, (sums.get(name) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const all = [...sums.values()].reduce((sum, time) => sum + time, 0);
  return [...sums].map(([name, time]) => ({ name, share: time / all })).sort((a, b) => b.share - a.share);
}
