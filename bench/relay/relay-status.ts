// What a relay tells of itself on its socket.
import { connect } from 'node:net';
import type { RelayStatus } from '../../transfer/relay/relay.js';

/** Ask the relay whose status socket this is. */
export async function askRelay(path: string): Promise<RelayStatus> {
  let text = '';
  for await (const part of connect({ path }).setEncoding('utf8')) text += part as string;
  return JSON.parse(text) as RelayStatus;
}
