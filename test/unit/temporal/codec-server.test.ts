import { request } from 'node:http';
import { defaultPayloadConverter } from '@temporalio/common';
import { payloadCodec } from '../../../temporal/codec.js';
import { startCodecServer, type CodecServer } from '../../../temporal/codec-server.js';

const UI = 'http://127.0.0.1:8233';
const codec = payloadCodec({ write: 'k', keys: { k: Buffer.alloc(32, 'k').toString('base64') } });
const plain = defaultPayloadConverter.toPayload('office');
const onTheWire = {
  metadata: { encoding: Buffer.from(plain.metadata!['encoding']!).toString('base64') },
  data: Buffer.from(plain.data!).toString('base64'),
};

interface Answer {
  payloads: { metadata: Record<string, string>; data: string }[];
}

describe('the codec server', () => {
  let server: CodecServer;
  beforeAll(async () => {
    server = await startCodecServer({ codec, port: 0, origins: [UI] });
  });
  afterAll(() => server.stop());

  const post = (path: string, body: unknown, headers: Record<string, string> = { origin: UI }) =>
    fetch(`${server.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-namespace': 'default', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('encodes and decodes as Temporal’s UI and command ask, under any path', async () => {
    const encoded = (await (await post('/encode', { payloads: [onTheWire] })).json()) as Answer;
    expect(encoded.payloads[0]!.data).not.toBe(onTheWire.data);
    expect(Buffer.from(encoded.payloads[0]!.metadata['encoding']!, 'base64').toString()).toBe(
      'binary/encrypted',
    );
    for (const path of ['/decode', '/default/decode?x=1'])
      expect(await (await post(path, encoded)).json()).toEqual({ payloads: [onTheWire] });
    expect(await (await post('/decode', { payloads: [] }, {})).json()).toEqual({ payloads: [] });
  });

  it('lets pages of the UI ask, and no others', async () => {
    const preflight = await fetch(`${server.address}/decode`, { method: 'OPTIONS', headers: { origin: UI } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(UI);
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/content-type.*x-namespace/);
    const asked = await post('/decode', { payloads: [onTheWire] });
    expect(asked.headers.get('access-control-allow-origin')).toBe(UI);
    for (const origin of ['http://evil.example', 'http://127.0.0.1:8233.evil.example', 'null']) {
      const refused = await post('/decode', { payloads: [onTheWire] }, { origin });
      expect(refused.status).toBe(403);
      expect(refused.headers.get('access-control-allow-origin')).toBeNull();
      expect(await refused.text()).not.toContain('payloads');
    }
  });

  it('answers to no name but this machine’s own, wherever a stranger’s name points', async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(server.address);
      const headers = { host: `evil.example:${port}` };
      request({ host: '127.0.0.1', port, path: '/decode', method: 'POST', headers }, (response) => {
        resolve(response.statusCode);
        response.resume();
      })
        .on('error', reject)
        .end('{"payloads":[]}');
    });
    expect(status).toBe(403);
  });

  it('listens on loopback alone', () => {
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('says no to what it cannot read, and goes on', async () => {
    for (const body of ['', '{', '[]', '{"payloads":[{"data":"%"}]}', '{"payloads":7}'])
      expect((await post('/decode', body)).status).toBe(400);
    const encoded = (await (await post('/encode', { payloads: [onTheWire] })).json()) as Answer;
    const broken = { ...encoded.payloads[0]!, data: '' };
    const refused = await post('/decode', { payloads: [broken] });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toMatch(/cannot be decrypted with the key k/);
    expect((await post('/elsewhere', { payloads: [] })).status).toBe(404);
    expect((await fetch(`${server.address}/decode`)).status).toBe(405);
    expect((await post('/decode', { payloads: [onTheWire] })).status).toBe(200);
  });
});
