import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import {
  createAuthority,
  issueHost,
  revokeHost,
  signKey,
  tlsName,
  type HostPkiFiles,
} from '../../../../drivers/peers/pki.js';
import { HostId, SiteId } from '../../../../domain/model/ids.js';

const west = { site: SiteId.parse('us-west'), host: HostId.parse('h1') };
const addresses = ['127.0.0.1'];

/** Common name that the server sees, or the reason why there is no connection. */
async function handshake(server: HostPkiFiles, client: HostPkiFiles, host: string): Promise<string> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8');
  const listener = createServer({
    ca: await text(server.ca),
    cert: await text(server.serverCert),
    key: await text(server.serverKey),
    requestCert: true,
    rejectUnauthorized: true,
  });
  listener.on('tlsClientError', () => undefined);
  listener.on('secureConnection', (s: TLSSocket) => {
    s.on('error', () => undefined);
    s.end(String(s.getPeerCertificate().subject.CN));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const options = {
    ca: await text(client.ca),
    cert: await text(client.clientCert),
    key: await text(client.clientKey),
  };
  try {
    return await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, servername: host, ...options });
      let seen = '';
      socket.on('data', (d: Buffer) => (seen += d.toString()));
      socket.on('error', (e: NodeJS.ErrnoException) => resolve(`refused: ${e.code ?? e.message}`));
      socket.on('close', () => resolve(seen));
    });
  } finally {
    listener.close();
  }
}

describe('the PKI of a cloud', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'vmshadow-pki-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('forgets nothing of what several commands do at once', async () => {
    await createAuthority(dir);
    const hosts = Array.from({ length: 8 }, (_, i) => ({ site: 'us-east', host: `h${String(i)}` }));
    await Promise.all(
      hosts.flatMap((host, i) => [
        issueHost(dir, { ...host, addresses }),
        signKey(dir, { kind: 'host', key: Buffer.alloc(32, i).toString('base64'), revoked: false }),
      ]),
    );
    const text = (name: string) => readFile(join(dir, name), 'utf8');
    const issued = JSON.parse(await text('issued.json')) as Record<string, string[]>;
    expect(Object.keys(issued).sort()).toEqual(hosts.map((h) => `us-east/${h.host}`));
    const { keys } = JSON.parse(await text('cloud-keys.json')) as { keys: { serial: number }[] };
    expect(keys.map((k) => k.serial).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const told = await revokeHost(dir, { site: SiteId.parse('us-east'), host: HostId.parse('h0') });
    expect(told).toHaveLength(8);
  });

  it.each(['issued.json', 'cloud-keys.json'])(
    'names %s where it is torn, and changes nothing',
    async (name) => {
      await createAuthority(dir);
      await writeFile(join(dir, name), '{"us-east/h1": [');
      const word = { kind: 'host' as const, key: Buffer.alloc(32, 1).toString('base64'), revoked: false };
      const work = name === 'issued.json' ? issueHost(dir, { ...west, addresses }) : signKey(dir, word);
      await expect(work).rejects.toMatchObject({
        code: 'RECORD_UNREADABLE',
        message: expect.stringContaining(join(dir, name)) as string,
      });
      expect(await readFile(join(dir, name), 'utf8')).toBe('{"us-east/h1": [');
    },
  );

  it('lets two hosts of one cloud know each other by site and host', async () => {
    await createAuthority(dir);
    const a = await issueHost(dir, { ...west, addresses });
    const b = await issueHost(dir, { site: 'us-east', host: 'h2', addresses });
    expect(await handshake(b, a, tlsName({ site: SiteId.parse('us-east'), host: HostId.parse('h2') }))).toBe(
      'us-west/h1',
    );
  });

  it('refuses a host of another cloud, and a host under the name of another', async () => {
    const other = join(dir, 'other');
    await createAuthority(join(dir, 'ca'));
    await createAuthority(other);
    const mine = await issueHost(join(dir, 'ca'), { ...west, addresses });
    const foreign = await issueHost(other, { ...west, addresses });
    // With TLS 1.3 the client learns of a refusal late: what counts is that the server answered nothing.
    expect(await handshake(mine, { ...foreign, ca: mine.ca }, tlsName(west))).not.toContain('us-west');
    expect(await handshake(foreign, mine, tlsName(west))).toMatch(/^refused/);
    expect(await handshake(mine, mine, 'h9.us-west.vmshadow')).toMatch(
      /^refused: ERR_TLS_CERT_ALTNAME_INVALID/,
    );
  });

  it('refuses a client that shows a server certificate', async () => {
    await createAuthority(dir);
    const a = await issueHost(dir, { ...west, addresses });
    const crossed = { ...a, clientCert: a.serverCert, clientKey: a.serverKey };
    expect(await handshake(a, crossed, tlsName(west))).not.toBe('us-west/h1');
  });

  it('keeps private keys to their owner and an existing authority as it is', async () => {
    await createAuthority(dir);
    const before = await readFile(join(dir, 'ca-key.pem'), 'utf8');
    await createAuthority(dir);
    expect(await readFile(join(dir, 'ca-key.pem'), 'utf8')).toBe(before);
    const files = await issueHost(dir, { ...west, addresses });
    for (const key of [files.serverKey, files.clientKey, join(dir, 'ca-key.pem')])
      expect((await stat(key)).mode & 0o777).toBe(0o600);
  });

  it('issues nothing by a key that is not of the authority, and changes no file then', async () => {
    await createAuthority(dir);
    const files = await issueHost(dir, { ...west, addresses });
    const before = await readFile(files.serverCert, 'utf8');
    await copyFile(files.serverKey, join(dir, 'ca-key.pem'));
    await expect(issueHost(dir, { ...west, addresses })).rejects.toMatchObject({ code: 'PREREQUISITE' });
    expect(await readFile(files.serverCert, 'utf8')).toBe(before);
  });

  it('has every certificate in the record of what was issued before it is in a file', async () => {
    await createAuthority(dir);
    // A folder in the place of the file: writing the first certificate fails, as if the machine stopped there.
    const outDir = join(dir, 'out');
    await mkdir(join(outDir, 'server-cert.pem', 'x'), { recursive: true });
    await expect(issueHost(dir, { ...west, addresses }, outDir)).rejects.toThrow();
    const record = JSON.parse(await readFile(join(dir, 'issued.json'), 'utf8')) as Record<string, string[]>;
    expect(record['us-west/h1']).toHaveLength(2);
  });

  it('names the missing authority', async () => {
    await expect(issueHost(dir, { ...west, addresses })).rejects.toMatchObject({ code: 'PREREQUISITE' });
  });
});
