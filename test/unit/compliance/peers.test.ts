// Two channels between hosts: the fake, and TLS over loopback with the certificates of one cloud.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { HostRef, hostKey } from '../../../domain/model/ids.js';
import { createAuthority, issueHost } from '../../../drivers/peers/pki.js';
import { HostCertificate } from '../../../drivers/peers/host-certificate.js';
import { PeerServer } from '../../../drivers/peers/peer-server.js';
import { TlsPeers } from '../../../drivers/peers/peer-client.js';
import { fakePeers } from '../../../lab/fakes/fake-peers.js';
import type { PeerRequests } from '../../../ports/peers.js';
import { describePeers, type PeersWorld } from '../../compliance/peers.js';
import { freePort } from '../../support/free-port.js';

const self = HostRef.parse({ site: 'us-west', host: 'h1' });
const other = HostRef.parse({ site: 'us-east', host: 'h1' });

async function fakeWorld(requests: PeerRequests): Promise<PeersWorld> {
  let alive = true;
  return {
    self,
    other,
    endpoint: { address: '192.0.2.1', port: 7443 },
    peers: fakePeers(self, (host) =>
      hostKey(host) === hostKey(other) ? { alive, requests, faults: new Set() } : null,
    ),
    listen: async (answers) => {
      alive = answers;
    },
    remove: async () => undefined,
  };
}

async function tlsWorld(requests: PeerRequests): Promise<PeersWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'vms-peers-'));
  await createAuthority(join(folder, 'ca'));
  const issue = (host: HostRef, name: string) =>
    issueHost(join(folder, 'ca'), { ...host, addresses: ['127.0.0.1'] }, join(folder, name));
  await issue(self, 'self');
  await issue(other, 'other');
  const endpoint = { address: '127.0.0.1', port: await freePort() };
  const opened: HostCertificate[] = [];
  const certificateOf = async (name: string) => {
    const certificate = await HostCertificate.open(join(folder, name), pino({ level: 'silent' }));
    opened.push(certificate);
    return certificate;
  };
  const start = async (): Promise<PeerServer> => {
    const server = new PeerServer(requests, pino({ level: 'silent' }));
    await server.start(endpoint, await certificateOf('other'));
    return server;
  };
  let server = await start();
  const peers = new TlsPeers(await certificateOf('self'));
  return {
    self,
    other,
    endpoint,
    peers,
    listen: async (answers) => {
      if (answers) server = await start();
      else await server.stop();
    },
    remove: async () => {
      peers.close();
      for (const certificate of opened) certificate.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

describePeers('the fake peers', fakeWorld);
describePeers('the peers over TLS', tlsWorld);
