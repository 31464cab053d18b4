// What comes over the channel between hosts that is not what either end asks for.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';
import { HostCertificate } from '../../../../drivers/peers/host-certificate.js';
import { TlsPeers } from '../../../../drivers/peers/peer-client.js';
import { PeerServer } from '../../../../drivers/peers/peer-server.js';
import { createAuthority, issueHost } from '../../../../drivers/peers/pki.js';
import { freePort } from '../../../support/free-port.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const log = pino({ level: 'silent' });
const nobody = () => Promise.reject(new Error('nobody was to be asked'));
let folder: string;
let certificates: { west: HostCertificate; east: HostCertificate };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-peers-'));
  const ca = join(folder, 'ca');
  await createAuthority(ca);
  const open = async (host: HostRef) => {
    const own = join(folder, host.site);
    await issueHost(ca, { ...host, addresses: ['127.0.0.1'] }, own);
    return HostCertificate.open(own, log);
  };
  certificates = { west: await open(west), east: await open(east) };
});
afterAll(async () => {
  certificates.west.close();
  certificates.east.close();
  await rm(folder, { recursive: true });
});

it.each([
  ['/v1/constructor', '{}'],
  ['/v1/toString', '{}'],
  ['/v1/nosuch', '{}'],
  ['/v1/ping', '[1]'],
])('refuses %s of %s', async (path, body) => {
  const endpoint = { address: '127.0.0.1', port: await freePort() };
  const server = new PeerServer({ expect: nobody, confirm: nobody, commit: nobody }, log);
  await server.start(endpoint, certificates.east);
  try {
    const asked = request({
      ...certificates.west.client,
      ...{ host: endpoint.address, port: endpoint.port, path, method: 'POST' },
      checkServerIdentity: () => undefined,
    });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  } finally {
    await server.stop();
  }
});

it('says of an answer that is not JSON whose it was', async () => {
  const endpoint = { address: '127.0.0.1', port: await freePort() };
  const server = createServer({ ...certificates.east.server, requestCert: true }, (req, res) => {
    req.resume();
    res.end('<html>');
  }).listen(endpoint.port, endpoint.address);
  await once(server, 'listening');
  const peers = new TlsPeers(certificates.west);
  const key = { desktop: DesktopId.parse('d1'), moveId: 'm', epoch: 2 };
  try {
    await expect(peers.connect(east, endpoint).commit(key, { snapshot: false })).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('us-east/h1'),
    });
  } finally {
    peers.close();
    server.closeAllConnections();
    server.close();
  }
});
