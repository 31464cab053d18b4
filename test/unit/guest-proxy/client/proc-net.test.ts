import { parseProcNet } from '../../../../guest-proxy/client/proc-net.js';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

it('reads established sockets and leaves listening ones out', () => {
  const text =
    HEAD +
    '   0: 0100007F:1F0A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n' +
    '   1: 0200000A:D431 0A6433C6:170D 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n';
  expect(parseProcNet('tcp', text)).toEqual([
    {
      protocol: 'tcp',
      local: { address: '10.0.0.2', port: 54321 },
      remote: { address: '198.51.100.10', port: 5901 },
    },
  ]);
});

it('keeps sockets that are closing or opening: their packets need the rules too', () => {
  const row = (state: string) => `   1: 0200000A:D431 0A6433C6:170D ${state} 0:0 00:0 0 0 0 2 1\n`;
  for (const state of ['02', '04', '05', '08', '09', '0B'])
    expect(parseProcNet('tcp', HEAD + row(state))).toHaveLength(1);
});

it('leaves sockets in TIME_WAIT out: their port may be in use again', () => {
  expect(parseProcNet('tcp', `${HEAD}   1: 0200000A:D431 0A6433C6:170D 06 0:0 00:0 0 0 0 0 1\n`)).toEqual([]);
});

it('reads IPv4 addresses in IPv6 sockets and leaves true IPv6 ones out', () => {
  const text =
    HEAD +
    '   0: 0000000000000000FFFF00000200000A:9C40 0000000000000000FFFF00000A6433C6:170D 01 0:0 00:0 0 0 0 3 1\n' +
    '   1: 000080FE00000000FF005450FE8D2A01:9C41 000080FE00000000FF005450FE8D2A02:170D 01 0:0 00:0 0 0 0 4 1\n';
  expect(parseProcNet('tcp', text)).toEqual([
    {
      protocol: 'tcp',
      local: { address: '10.0.0.2', port: 40000 },
      remote: { address: '198.51.100.10', port: 5901 },
    },
  ]);
});

it('reads connected UDP sockets and leaves unconnected ones out', () => {
  const text =
    HEAD +
    '  10: 0200000A:D431 0A6433C6:170D 01 00000000:00000000 00:00000000 00000000     0        0 5 2 0 0\n' +
    '  11: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 6 2 0 0\n';
  expect(parseProcNet('udp', text).map((f) => f.protocol)).toEqual(['udp']);
});

it('reads nothing from an empty or foreign text', () => {
  expect(parseProcNet('tcp', '')).toEqual([]);
  expect(parseProcNet('tcp', 'x\ny z\n\n 1: zz:zz aa:bb 01')).toEqual([]);
});
