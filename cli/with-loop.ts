// Opens and closes the connection to a pool's loop. Temporal's client is loaded here and not before, so that bad arguments are told at once.
import type { PoolId } from '../domain/model/ids.js';
import type { LoopClient } from './loop-client.js';

/** Work with a connection that is closed afterwards, whatever happens. */
export async function withLoop<R>(pool: PoolId, body: (loop: LoopClient) => Promise<R>): Promise<R> {
  const { LoopClient } = await import('./loop-client.js');
  const loop = await LoopClient.connect(pool);
  try {
    return await body(loop);
  } finally {
    await loop.close();
  }
}
