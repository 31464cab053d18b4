import { expandAddresses, proposeHost } from '../../../../domain/machine/propose.js';
import { hostFindings } from '../../../../domain/machine/host-findings.js';
import { FACTS, LOOK } from './facts.js';

const WISHES = {
  site: 'us-west',
  host: 'h1',
  external: ['192.0.2.101', '192.0.2.102'],
  stateDir: '/var/lib/vmshadow',
  runDir: '/run/vmshadow',
  imageDir: '/var/lib/vmshadow/images',
  pkiDir: '/etc/vmshadow/pki',
};
const eth1 = { name: 'eth1', up: true, addresses: ['198.51.100.7/24'] };

describe('what is proposed for a host', () => {
  it('is the device of the default route, its address, and what the machine can spare', () => {
    expect(proposeHost(FACTS, WISHES)).toMatchObject({
      uplink: 'eth0',
      peer: { address: '192.0.2.11', port: 7947 },
      probe: { address: '192.0.2.11', port: 7948 },
      externalPool: WISHES.external,
      capacity: { slots: 2, vcpus: 16, memoryMiB: 28_800, diskMiB: 180_000 },
      identityFile: '/etc/vmshadow/pki/identity.json',
    });
  });

  it('counts what desktops that are there have taken as room for desktops', () => {
    const later = {
      ...FACTS,
      desktopDisksMiB: 50_000,
      resources: {
        ...FACTS.resources,
        disk: { ...FACTS.resources.disk, freeMiB: FACTS.resources.disk.freeMiB - 50_000 },
      },
    };
    expect(proposeHost(later, WISHES).capacity).toEqual(proposeHost(FACTS, WISHES).capacity);
  });

  it('has nothing wrong by the rules of `doctor`', () => {
    const found = hostFindings({ ...LOOK, config: proposeHost(FACTS, WISHES) });
    expect(found.filter((f) => f.level !== 'ok')).toEqual([]);
  });

  it.each<[string, object, object, { uplink: string; address: string }]>([
    [
      'the kernel prefers another route',
      {
        devices: [...FACTS.devices, eth1],
        defaultRoutes: [{ device: 'eth1', gateway: null, metric: 0 }, ...FACTS.defaultRoutes],
      },
      {},
      { uplink: 'eth1', address: '198.51.100.7' },
    ],
    [
      'the operator names it',
      { devices: [...FACTS.devices, eth1] },
      { uplink: 'eth1' },
      { uplink: 'eth1', address: '198.51.100.7' },
    ],
    ['only one device can be it', { defaultRoutes: [] }, {}, { uplink: 'eth0', address: '192.0.2.11' }],
    [
      'desktops left addresses there',
      { devices: [{ name: 'eth0', up: true, addresses: ['192.0.2.101/32', '192.0.2.11/24'] }] },
      {},
      { uplink: 'eth0', address: '192.0.2.11' },
    ],
    [
      'it has a link-local address first',
      { devices: [{ name: 'eth0', up: true, addresses: ['169.254.3.4/16', '192.0.2.11/24'] }] },
      {},
      { uplink: 'eth0', address: '192.0.2.11' },
    ],
    ['peers reach it elsewhere', {}, { address: '203.0.113.5' }, { uplink: 'eth0', address: '203.0.113.5' }],
  ])('goes by what is there where %s', (_, facts, wishes, { uplink, address }) => {
    const config = proposeHost({ ...FACTS, ...facts }, { ...WISHES, ...wishes });
    expect([config.uplink, config.peer.address, config.probe.address]).toEqual([uplink, address, address]);
  });

  it.each<[string, object, object, RegExp]>([
    [
      'two devices could be it',
      { devices: [...FACTS.devices, eth1], defaultRoutes: [] },
      {},
      /--uplink .*eth0 \(192\.0\.2\.11\/24\), eth1/,
    ],
    [
      'nothing has an address',
      { devices: [{ name: 'eth0', up: true, addresses: [] }], defaultRoutes: [] },
      {},
      /there are: none/,
    ],
    ['the uplink has no address', { devices: [{ name: 'eth0', up: true, addresses: [] }] }, {}, /--address/],
    ['the named device is not there', {}, { uplink: 'ens3' }, /no network device ens3; there are: lo .*eth0/],
  ])('asks where %s', (_, facts, wishes, message) => {
    expect(() => proposeHost({ ...FACTS, ...facts }, { ...WISHES, ...wishes })).toThrow(message);
  });

  it('leaves a small machine half of its memory', () => {
    const small = { ...FACTS.resources, memory: { availableMiB: 900, totalMiB: 1_024 } };
    expect(proposeHost({ ...FACTS, resources: small }, WISHES).capacity.memoryMiB).toBe(512);
  });
});

describe('addresses as they are typed', () => {
  it.each<[string[], string[]]>([
    [['192.0.2.7'], ['192.0.2.7']],
    [['192.0.2.7-9'], ['192.0.2.7', '192.0.2.8', '192.0.2.9']],
    [['192.0.2.254-192.0.3.1'], ['192.0.2.254', '192.0.2.255', '192.0.3.0', '192.0.3.1']],
    [['192.0.2.128/30'], ['192.0.2.128', '192.0.2.129', '192.0.2.130', '192.0.2.131']],
    [
      ['192.0.2.7', '192.0.2.7-8'],
      ['192.0.2.7', '192.0.2.8'],
    ],
  ])('%j are all of them, once', (texts, addresses) => expect(expandAddresses(texts)).toEqual(addresses));

  it.each(['192.0.2', 'h1', '192.0.2.9-7', '192.0.2.1-999', '10.0.0.0/8', '192.0.2.1/33', '2001:db8::1'])(
    '%s is refused',
    (text) => expect(() => expandAddresses([text])).toThrow(/--external/),
  );
});
