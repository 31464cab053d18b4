// What ports/peers.ts promises, as claims about any channel between hosts.
import { VmshadowError } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import { DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { CommitAnswer, PeerHost, PeerRequests, Peers, SwitchoverKey } from '../../ports/peers.js';

/** A host that asks, and one that answers by `requests`. */
export interface PeersWorld {
  readonly self: HostRef;
  readonly peers: Peers;
  readonly other: HostRef;
  /** Where the other host answers. */
  readonly endpoint: Endpoint;
  /** End the other host's answering, or begin it again. */
  listen(answers: boolean): Promise<void>;
  remove(): Promise<void>;
}

const TEST_MS = 30_000;
const KEY: SwitchoverKey = { desktop: DesktopId.parse('d1'), moveId: 'd1-move', epoch: 2 };
const CHANGE = { oldExternal: '198.51.100.10', newExternal: '203.0.113.10' };
const STATE = { clients: ['a2V5'], flows: { version: 1, epoch: 1, list: [1, null, 'x'] } };
const OWNER: CommitAnswer = { decision: 'owner', runningAtMs: 1_700_000_000_123 };

/** Answers of a host, and what it was asked. */
class Recorder implements PeerRequests {
  readonly asked: unknown[][] = [];
  answer: CommitAnswer | Error = OWNER;

  async expect(...args: Parameters<PeerRequests['expect']>): Promise<void> {
    this.#note('expect', args);
  }

  async confirm(...args: Parameters<PeerRequests['confirm']>): Promise<void> {
    this.#note('confirm', args);
  }

  async commit(...args: Parameters<PeerRequests['commit']>): Promise<CommitAnswer> {
    return this.#note('commit', args);
  }

  #note(what: string, args: unknown[]): CommitAnswer {
    this.asked.push([what, ...args]);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

/** Claim of a channel what the port promises; `make` gives a world in which the other host answers by `requests`. */
export function describePeers(name: string, make: (requests: PeerRequests) => Promise<PeersWorld>): void {
  let recorder: Recorder;
  let world: PeersWorld;
  let peer: PeerHost;
  const never = new AbortController().signal;
  const claim = (title: string, test: () => Promise<void>) => it(title, test, TEST_MS);

  describe(name, () => {
    beforeAll(async () => {
      recorder = new Recorder();
      world = await make(recorder);
      peer = world.peers.connect(world.other, world.endpoint);
    }, TEST_MS);
    afterAll(() => world.remove(), TEST_MS);
    beforeEach(() => {
      recorder.asked.length = 0;
      recorder.answer = OWNER;
    });

    claim('says whether the other host answers', async () => {
      expect(await peer.ping(never)).toBe(true);
      expect(await peer.ping(AbortSignal.abort())).toBe(false);
      expect(recorder.asked).toEqual([]);
    });

    claim('hands each request on as it was asked, with the name of the host that asks', async () => {
      // Callers pass objects that hold more than is asked for.
      await peer.expect({ ...KEY, more: 1 } as SwitchoverKey, { ...CHANGE, ...KEY }, STATE);
      await peer.confirm({ ...KEY, more: 1 } as SwitchoverKey);
      expect(await peer.commit(KEY, { snapshot: true })).toEqual(OWNER);
      expect(recorder.asked).toEqual([
        ['expect', world.self, KEY, CHANGE, STATE],
        ['confirm', world.self, KEY],
        ['commit', world.self, KEY, { snapshot: true }],
      ]);
    });

    claim('gives a refusal as an answer, and the same one whenever it is asked for', async () => {
      recorder.answer = { decision: 'refused', runningAtMs: null };
      for (let i = 0; i < 2; i++)
        expect(await peer.commit(KEY, { snapshot: false })).toEqual({
          decision: 'refused',
          runningAtMs: null,
        });
    });

    claim('brings back an error with its code and message, and any other as INTERNAL', async () => {
      recorder.answer = new VmshadowError('FENCED', 'no such move', { details: { secret: 1 } });
      for (const call of [
        () => peer.expect(KEY, CHANGE, STATE),
        () => peer.confirm(KEY),
        () => peer.commit(KEY, { snapshot: false }),
      ])
        await expect(call()).rejects.toMatchObject({
          code: 'FENCED',
          message: expect.stringContaining('no such move') as string,
          details: {},
        });
      recorder.answer = new Error('a broken disk');
      await expect(peer.confirm(KEY)).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining('a broken disk') as string,
      });
    });

    claim('refuses what is no request before anybody is asked', async () => {
      for (const key of [
        { ...KEY, moveId: '../d1' },
        { ...KEY, epoch: 1 },
        { ...KEY, desktop: 'D 1' as DesktopId },
      ])
        await expect(peer.confirm(key)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await expect(peer.expect(KEY, { ...CHANGE, oldExternal: 'x' }, STATE)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      expect(recorder.asked).toEqual([]);
    });

    claim('asks nobody who answers there under another name', async () => {
      const wrong = { ...world.other, site: 'us-north' } as HostRef;
      const impostor = world.peers.connect(wrong, world.endpoint);
      expect(await impostor.ping(never)).toBe(false);
      await expect(impostor.commit(KEY, { snapshot: false })).rejects.toMatchObject({
        code: 'HOST_UNREACHABLE',
      });
      expect(recorder.asked).toEqual([]);
    });

    claim(
      'says HOST_UNREACHABLE while the other host does not answer, and reaches it when it does again',
      async () => {
        await world.listen(false);
        expect(await peer.ping(never)).toBe(false);
        await expect(peer.confirm(KEY)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
        await expect(peer.commit(KEY, { snapshot: false })).rejects.toMatchObject({
          code: 'HOST_UNREACHABLE',
        });
        await world.listen(true);
        expect(await peer.commit(KEY, { snapshot: false })).toEqual(OWNER);
      },
    );
  });
}
