// The client against a scripted server over real loopback sockets: what it says is compared byte for byte.
import { createServer, type Server, type Socket } from 'node:net';
import { openSocket, RfbClient, type Frame } from '../../../../lab/rfb/rfb-client.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const INIT = Buffer.concat([
  hex('0004 0002'),
  hex('10100001001f003f001f0b05000000 00'),
  hex('00000004'),
  Buffer.from('desk'),
]);
const RAW_FRAME = Buffer.concat([
  hex('0000 0001 0000 0000 0004 0002 00000000'),
  hex('0100020003000400 0500060007000800'),
]);

let server: Server;
let said: Buffer;
let sockets: Socket[];

/** Serve one connection: at each step, wait for so many bytes in all, then send. */
async function serve(steps: readonly (readonly [number, Buffer])[]): Promise<number> {
  said = Buffer.alloc(0);
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    let step = 0;
    const go = () => {
      for (let next = steps[step]; next !== undefined && said.length >= next[0]; next = steps[++step])
        socket.write(next[1]);
    };
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      said = Buffer.concat([said, chunk]);
      go();
    });
    go();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const HANDSHAKE_38: [number, Buffer][] = [
  [0, Buffer.from('RFB 003.008\n')],
  [12, hex('02 02 01')],
  [13, hex('00000000')],
  [14, INIT],
];
/** SetPixelFormat and SetEncodings of three encodings and two extensions. */
const SETTINGS = 20 + 4 + 4 * 5;
const REQUEST = 10;

describe('the VNC client', () => {
  it('shakes hands in 3.8, asks for the whole screen once and then for the next frame when it has the last', async () => {
    const first = 14 + SETTINGS + REQUEST;
    const port = await serve([
      ...HANDSHAKE_38,
      [first, RAW_FRAME],
      [first + REQUEST, RAW_FRAME],
      [first + 2 * REQUEST, RAW_FRAME],
    ]);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port));
    const frames: Frame[] = [];
    await client.run((frame) => {
      frames.push(frame);
      if (frames.length === 3) client.stop();
    });
    expect(client.desktopName).toBe('desk');
    expect([...client.screen.pixels]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(said.subarray(0, 14).toString('latin1')).toBe('RFB 003.008\n\x01\x01');
    const requests = said.subarray(14 + SETTINGS);
    expect(requests.subarray(0, 2 * REQUEST)).toEqual(
      hex('0300 0000 0000 0004 0002 0301 0000 0000 0004 0002'),
    );
    expect(frames.map((f) => [f.n, f.bytes, f.rects])).toEqual(
      [0, 1, 2].map((n) => [n, RAW_FRAME.length, 1]),
    );
    for (const frame of frames) expect(frame.completedAt).toBeGreaterThanOrEqual(frame.requestedAt!);
  });

  it('shakes hands in 3.3, where the server chooses', async () => {
    const port = await serve([
      [0, Buffer.from('RFB 003.003\n')],
      [12, hex('00000001')],
      [13, INIT],
    ]);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port));
    client.stop();
    expect(said.subarray(0, 13).toString('latin1')).toBe('RFB 003.003\n\x01');
  });

  it('lets the server push when it can, and answers its fences', async () => {
    const settings = 20 + 4 + 4 * 7;
    const start = 14 + settings + REQUEST;
    const fence = hex('f8 000000 80000001 02 6162');
    const port = await serve([
      ...HANDSHAKE_38,
      [start, Buffer.concat([RAW_FRAME, hex('96'), fence])],
      // The request after the first frame, the switch to continuous updates, the fence's answer.
      [start + REQUEST + 10 + 11, Buffer.concat([RAW_FRAME, RAW_FRAME])],
    ]);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port), { mode: 'push' });
    const asked: (number | null)[] = [];
    await client.run((frame) => {
      asked.push(frame.requestedAt);
      if (asked.length === 3) client.stop();
    });
    expect(asked.slice(1)).toEqual([null, null]);
    expect(said.subarray(start + REQUEST).toString('hex')).toBe(
      '96010000000000040002' + 'f8000000' + '00000001' + '026162',
    );
  });

  it('types', async () => {
    const port = await serve(HANDSHAKE_38);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port));
    client.pressKey(0x61);
    const wanted = 14 + SETTINGS + 16;
    while (said.length < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
    client.stop();
    expect(said.subarray(14 + SETTINGS).toString('hex')).toBe('0401000000000061' + '0400000000000061');
  });

  it.each([
    [
      'a password is wanted',
      [
        [0, Buffer.from('RFB 003.008\n')],
        [12, hex('01 02')],
      ],
      /wants authentication/,
    ],
    [
      'it is refused',
      [
        [0, Buffer.from('RFB 003.008\n')],
        [12, Buffer.concat([hex('00 00000004'), Buffer.from('busy')])],
      ],
      /refused: busy/,
    ],
    ['the peer is no VNC server', [[0, Buffer.from('220 mail.example')]], /no VNC server/],
  ] as [string, [number, Buffer][], RegExp][])('says so when %s', async (_, steps, message) => {
    const port = await serve(steps);
    await expect(RfbClient.start(await openSocket('127.0.0.1', port))).rejects.toThrow(message);
  });

  it('fails, and does not connect again, when the server goes away', async () => {
    const port = await serve(HANDSHAKE_38);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port));
    const running = client.run(() => undefined);
    sockets[0]!.end();
    await expect(running).rejects.toThrow(/closed the connection/);
    expect(sockets).toHaveLength(1);
  });

  it.each([
    [
      'draws outside its screen',
      hex('0000 0001 0003 0000 0004 0002 00000000').toString('hex') + '00'.repeat(16),
      /outside its screen/,
    ],
    ['uses an encoding that was not offered', '0000 0001 0000 0000 0001 0001 00000007', /encoding 7/],
    ['sends a message that does not exist', '63', /message type 99/],
  ])('gives up when the server %s', async (_, answer, message) => {
    const port = await serve([...HANDSHAKE_38, [14 + SETTINGS + REQUEST, hex(answer)]]);
    const client = await RfbClient.start(await openSocket('127.0.0.1', port));
    await expect(client.run(() => undefined)).rejects.toThrow(message);
  });
});
