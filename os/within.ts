// Patience that ends.
import { setTimeout as sleep } from 'node:timers/promises';

/** What `answer` comes to, or `otherwise` where it takes longer than `ms`; the answer is then not cancelled, only no longer waited for. */
export async function within<T, O>(ms: number, answer: Promise<T>, otherwise: O): Promise<T | O> {
  const patience = new AbortController();
  try {
    return await Promise.race([answer, sleep(ms, otherwise, { signal: patience.signal })]);
  } finally {
    patience.abort();
  }
}
