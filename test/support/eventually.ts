import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 100;
/** Far beyond what anything takes on an idle machine. */
const MOST_LOOKS = 900;

/** Look until what is seen is good, and give it. */
export async function eventually<T>(look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  for (let i = 0; ; i++) {
    const seen = await look();
    if (good(seen)) return seen;
    if (i > MOST_LOOKS) throw new Error(`never came: ${JSON.stringify(seen)}`);
    await sleep(LOOK_MS);
  }
}
