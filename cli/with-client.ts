// Opens and closes a connection to Temporal, whatever the pool. Its client is loaded here and not before, as in with-loop.ts.
import type { Client } from '@temporalio/client';

/** Work with a connection that is closed afterwards, whatever happens. */
export async function withClient<R>(body: (client: Client) => Promise<R>): Promise<R> {
  const { connectClient } = await import('../temporal/connection.js');
  const client = await connectClient();
  try {
    return await body(client);
  } finally {
    await client.connection.close();
  }
}
