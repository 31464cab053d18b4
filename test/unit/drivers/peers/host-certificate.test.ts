// A host's certificates while they are renewed and revoked, over TLS on the loopback.
import 'reflect-metadata';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { webcrypto } from 'node:crypto';
import { X509Certificate, X509Crl } from '@peculiar/x509';
import pino from 'pino';
import { HostCertificate } from '../../../../drivers/peers/host-certificate.js';
import { TlsPeers } from '../../../../drivers/peers/peer-client.js';
import { PeerServer } from '../../../../drivers/peers/peer-server.js';
import { createAuthority, hostPkiFiles, issueHost, revokeHost } from '../../../../drivers/peers/pki.js';
import { signRevocations } from '../../../../drivers/peers/revocations.js';
import { HostId, SiteId } from '../../../../domain/model/ids.js';
import type { PeerRequests } from '../../../../ports/peers.js';
import { freePort } from '../../../support/free-port.js';

const ref = (site: string, host: string) => ({ site: SiteId.parse(site), host: HostId.parse(host) });
const west = ref('us-west', 'h1');
const east = ref('us-east', 'h2');
const addresses = ['127.0.0.1'];
const DAY_MS = 86_400_000;

let dir: string;
let warned: object[];
let folderOf: (host: typeof west) => string;
const log = { info: () => undefined, warn: (details: object) => warned.push(details) };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-cert-'));
  folderOf = (host) => join(dir, 'hosts', host.site, host.host);
  warned = [];
  await createAuthority(dir);
  for (const host of [west, east]) await issueHost(dir, { ...host, addresses });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('warns before the end, and not long before it', async () => {
  const soon = new Date(Date.now() - 340 * DAY_MS);
  await issueHost(dir, { ...east, addresses }, undefined, soon);
  for (const host of [west, east]) (await HostCertificate.open(folderOf(host), log)).close();
  expect(warned).toEqual([{ daysLeft: 24 }]);
});

it('leaves a pair that does not fit alone, and takes it up when it does', async () => {
  const certificate = await HostCertificate.open(folderOf(west), log);
  const { serverKey } = hostPkiFiles(folderOf(west));
  const old = await readFile(serverKey);
  await issueHost(dir, { ...west, addresses });
  const fresh = await readFile(serverKey);
  const before = certificate.server.cert;
  await writeFile(serverKey, old);
  expect(await certificate.look()).toBe(false);
  expect(certificate.server.cert).toBe(before);
  expect(warned).toHaveLength(1);
  await writeFile(serverKey, fresh);
  expect(await certificate.look()).toBe(true);
  expect(certificate.server.cert).not.toBe(before);
  certificate.close();
});

it('does not start on a key beside the certificate of before, and says what to do', async () => {
  const { serverCert } = hostPkiFiles(folderOf(west));
  const old = await readFile(serverCert);
  await issueHost(dir, { ...west, addresses });
  await writeFile(serverCert, old);
  await expect(HostCertificate.open(folderOf(west), log)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('vmshadow keys renew') as string,
  });
});

it('lists a serial number once, however its zeros are written', async () => {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const pem = await readFile(join(dir, 'ca-cert.pem'), 'utf8');
  const authority = { certificate: new X509Certificate(pem), key: keys.privateKey };
  const list = await signRevocations(authority, ['0704aa', '704AA', '0a', 'A', '00f1'], new Date());
  const serials = new X509Crl(list).entries.map((e) => e.serialNumber.toLowerCase().replace(/^0+/, ''));
  expect(serials.sort()).toEqual(['704aa', 'a', 'f1']);
});

it('never goes back to an older list of revocations, nor to none, nor to one of another authority', async () => {
  const { crl } = hostPkiFiles(folderOf(west));
  const certificate = await HostCertificate.open(folderOf(west), log);
  await revokeHost(dir, east);
  await copyFile(crl, join(dir, 'older'));
  await revokeHost(dir, east);
  expect(await certificate.look()).toBe(true);
  const other = join(dir, 'other');
  await createAuthority(other);
  await issueHost(other, { ...east, addresses });
  await revokeHost(other, east);
  for (const wrong of [join(dir, 'older'), join(other, 'ca-crl.pem')]) {
    await copyFile(wrong, crl);
    expect(await certificate.look()).toBe(false);
  }
  await rm(crl);
  expect(await certificate.look()).toBe(false);
  expect(warned).toHaveLength(3);
  certificate.close();
});

describe('two hosts that talk', () => {
  let server: PeerServer;
  let peers: TlsPeers;
  let certificates: HostCertificate[];
  let endpoint: { address: string; port: number };
  beforeEach(async () => {
    const opened = await Promise.all([east, west].map((host) => HostCertificate.open(folderOf(host), log)));
    certificates = opened;
    endpoint = { address: '127.0.0.1', port: await freePort() };
    server = new PeerServer({} as PeerRequests, pino({ level: 'silent' }));
    await server.start(endpoint, opened[0]!);
    peers = new TlsPeers(opened[1]!);
  });
  afterEach(async () => {
    peers.close();
    await server.stop();
    for (const certificate of certificates) certificate.close();
  });

  const ping = () => peers.connect(east, endpoint).ping(AbortSignal.timeout(5_000));
  const served = async () =>
    new Promise<string>((resolve, reject) => {
      const { client } = certificates[1]!;
      const socket = connect({
        ...endpoint,
        host: '127.0.0.1',
        ...client,
        servername: 'h2.us-east.vmshadow',
      });
      socket.once('secureConnect', () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.once('error', reject);
    });

  it('go on over a renewal of both, which is served at once', async () => {
    expect(await ping()).toBe(true);
    const before = await served();
    for (const host of [west, east]) await issueHost(dir, { ...host, addresses });
    for (const certificate of certificates) expect(await certificate.look()).toBe(true);
    expect(await ping()).toBe(true);
    expect(await served()).not.toBe(before);
  });

  it('no longer do when one is revoked, also over the connection that stands, until it is issued anew', async () => {
    expect(await ping()).toBe(true);
    await revokeHost(dir, west);
    expect(await certificates[0]!.look()).toBe(true);
    expect(await ping()).toBe(false);
    await certificates[1]!.look();
    expect(await ping()).toBe(false);
    await issueHost(dir, { ...west, addresses });
    await certificates[1]!.look();
    expect(await ping()).toBe(true);
  });
});
