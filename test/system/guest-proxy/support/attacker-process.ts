// Somebody on the path between users and sites: records control packets, and sends any UDP packet with any source address.
import { ipv4Bytes } from '../../../../domain/model/address.js';
import { readFile } from 'node:fs/promises';
import { RawSocket } from '../../../../guest-proxy/punch/raw-socket.js';
import { startCommand, type StartedCommand } from '../../../../os/start-command.js';
import { serve } from '../../../support/rpc.js';

interface Datagram {
  from: { address: string; port: number };
  to: { address: string; port: number };
  /** Base64. */
  payload: string;
}

const PCAP_HEADER = 24;
const PCAP_RECORD_HEADER = 16;
const ETHERNET = 14;
let tcpdump: StartedCommand | null = null;
let file = '';

function parsePcap(pcap: Buffer): Datagram[] {
  const found: Datagram[] = [];
  for (let at = PCAP_HEADER; at + PCAP_RECORD_HEADER <= pcap.length;) {
    const length = pcap.readUInt32LE(at + 8);
    const ip = pcap.subarray(at + PCAP_RECORD_HEADER + ETHERNET, at + PCAP_RECORD_HEADER + length);
    const udp = ip.subarray((ip[0]! & 15) * 4);
    found.push({
      from: { address: [...ip.subarray(12, 16)].join('.'), port: udp.readUInt16BE(0) },
      to: { address: [...ip.subarray(16, 20)].join('.'), port: udp.readUInt16BE(2) },
      payload: udp.subarray(8, udp.readUInt16BE(4)).toString('base64'),
    });
    at += PCAP_RECORD_HEADER + length;
  }
  return found;
}

function packet({ from, to, payload }: Datagram): Buffer {
  const data = Buffer.from(payload, 'base64');
  const ip = Buffer.alloc(28);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(28 + data.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(17, 9);
  ip.set(ipv4Bytes(from.address), 12);
  ip.set(ipv4Bytes(to.address), 16);
  ip.writeUInt16BE(from.port, 20);
  ip.writeUInt16BE(to.port, 22);
  // The kernel fills in the header's checksum; for UDP over IPv4 none is allowed.
  ip.writeUInt16BE(8 + data.length, 24);
  return Buffer.concat([ip, data]);
}

serve({
  start: async (o: { device: string; file: string; port: number }) => {
    file = o.file;
    const args = [
      '-i',
      o.device,
      '-U',
      '--immediate-mode',
      '-Z',
      'root',
      '-w',
      file,
      'udp',
      'port',
      String(o.port),
    ];
    tcpdump = startCommand(['tcpdump', ...args], { stdout: 'ignore' });
    await new Promise((resolve) => tcpdump!.stderr.once('data', resolve));
  },
  recorded: async () => parsePcap(await readFile(file)),
  stopRecording: () => tcpdump?.kill(),
  send: (datagrams: Datagram[]) => {
    const socket = new RawSocket();
    const sent = datagrams.filter((d) => socket.send(packet(d), d.to.address));
    socket.close();
    return sent.length;
  },
});
