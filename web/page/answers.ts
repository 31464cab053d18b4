// What the page knows: answers of its server, asked for again and again while somebody looks at it.
import { useEffect, useState } from 'preact/hooks';
import type { Desktops, Overview, Refusal } from '../api.js';

const EVERY_MS = 2_000;

export interface Answer<T> {
  /** The last one; null before there was one. */
  readonly value: T | null;
  /** Why there is no newer one. */
  readonly problem: string | null;
}

/** Ask once; throws with the server's own words. */
async function ask<T>(path: string, signal: AbortSignal): Promise<T> {
  const answer = await fetch(path, { signal, credentials: 'same-origin' });
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error((body as Refusal).error.message);
  return body as T;
}

/** Ask at once, whenever `since` changes, and then every `everyMs` (0: not again). Nothing is asked while `since` is null. */
export function useAnswer<T>(path: string, since: string | null, everyMs = 0): Answer<T> {
  const [known, setKnown] = useState<Answer<T> & { readonly path: string }>({
    path,
    value: null,
    problem: null,
  });
  useEffect(() => {
    if (since === null) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (!document.hidden || everyMs === 0)
        try {
          const value = await ask<T>(path, ending.signal);
          setKnown({ path, value, problem: null });
        } catch (error) {
          if (ending.signal.aborted) return;
          const problem = error instanceof Error ? error.message : 'no answer';
          setKnown((before) => ({ path, value: before.path === path ? before.value : null, problem }));
        }
      if (everyMs > 0 && !ending.signal.aborted) timer = setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [path, since, everyMs]);
  return known.path === path ? known : { value: null, problem: null };
}

export const useOverview = (): Answer<Overview> => useAnswer<Overview>('/api/overview', '', EVERY_MS);

export const useDesktops = (version: string | null): Answer<Desktops> =>
  useAnswer<Desktops>('/api/desktops', version);
