// The peers port without a network: a call arrives at once, checked and copied as the TLS channel does it, or not at all.
import { isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { CommitAnswer, PEER_REQUESTS } from '../../drivers/peers/peer-protocol.js';
import type { PeerHost, PeerRequests, Peers } from '../../ports/peers.js';
import type { FakeFaults } from './fault.js';

/** A host that may be asked. */
export interface FakePeer {
  readonly alive: boolean;
  readonly requests: PeerRequests;
  readonly faults: FakeFaults;
}

/** Make the peers of `self`; `find` gives the host of that name where an endpoint is, null where nobody (or another one) listens. */
export function fakePeers(
  self: HostRef,
  find: (host: HostRef, endpoint: Endpoint) => FakePeer | null,
): Peers {
  return {
    connect: (ref, endpoint): PeerHost => {
      const call = async <T>(work: (peer: FakePeer) => Promise<T>): Promise<T> => {
        const peer = find(ref, endpoint);
        if (peer?.alive !== true)
          throw new VmshadowError('HOST_UNREACHABLE', `fake: ${hostKey(ref)} is down`);
        try {
          return await work(peer);
        } catch (error) {
          // Only the code and the message come back over the wire.
          const code = isVmshadowError(error) ? error.code : 'INTERNAL';
          throw new VmshadowError(code, `${hostKey(ref)}: ${messageOf(error)}`);
        }
      };
      return {
        ping: async (signal) => !signal.aborted && find(ref, endpoint)?.alive === true,
        expect: (asked, askedChange, askedState) =>
          call(({ requests }) => {
            const body = onTheWire({ key: asked, change: askedChange, state: askedState });
            const { key, change, state } = parseInput(PEER_REQUESTS.expect, body, 'peer request expect');
            return requests.expect(self, key, change, state);
          }),
        confirm: (asked) =>
          call(({ requests }) => {
            const { key } = parseInput(
              PEER_REQUESTS.confirm,
              onTheWire({ key: asked }),
              'peer request confirm',
            );
            return requests.confirm(self, key);
          }),
        commit: async (asked, options) => {
          const answer = await call(({ requests }) => {
            const body = onTheWire({ key: asked, ...options });
            const { key, snapshot } = parseInput(PEER_REQUESTS.commit, body, 'peer request commit');
            return requests.commit(self, key, { snapshot });
          });
          if (find(ref, endpoint)?.faults.delete('commit answer is lost') === true)
            throw new VmshadowError('HOST_UNREACHABLE', 'fake: the answer was lost');
          return CommitAnswer.parse(onTheWire(answer));
        },
      };
    },
  };
}

function onTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
