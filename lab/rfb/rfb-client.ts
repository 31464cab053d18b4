// A VNC client that measures: it asks for the next frame when it has the last (pull; MMSys'14 section 7), or lets the server send by
// itself (push: continuous updates), decodes what comes, and tells when each frame was asked for and complete.
//
//   version -> security None -> init -> [request -> update]* ; keys and pointer at any time
//
// One TCP connection for the life of an object: it never connects again. That it ends is an error of `run`.
import { connect, type Socket } from 'node:net';
import { VmshadowError } from '../../domain/errors.js';
import { ByteReader } from './byte-reader.js';
import { Framebuffer } from './framebuffer.js';
import {
  BYTES_PER_PIXEL,
  clientFence,
  enableContinuousUpdates,
  Encoding,
  FENCE_REQUEST,
  framebufferUpdateRequest,
  keyEvent,
  parseVersion,
  pointerEvent,
  ServerMessage,
  setEncodings,
  setPixelFormat,
  type Rect,
} from './messages.js';
import { drawZrle, ZlibStream } from './zrle.js';

/** One complete framebuffer update. Times are milliseconds since the epoch, with fractions. */
export interface Frame {
  readonly n: number;
  /** When it was asked for; null in push mode. */
  readonly requestedAt: number | null;
  readonly completedAt: number;
  readonly bytes: number;
  readonly rects: number;
}

export interface RfbOptions {
  readonly mode?: 'pull' | 'push';
  /** Pixel encodings in order of preference. */
  readonly encodings?: readonly ('zrle' | 'copyRect' | 'raw')[];
}

const now = () => performance.timeOrigin + performance.now();
const CONNECT_TIMEOUT_MS = 30_000;

/** Open a TCP connection for a client. Throws NETWORK. */
export async function openSocket(host: string, port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, timeout: CONNECT_TIMEOUT_MS });
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new VmshadowError('NETWORK', `No VNC server at ${host}:${String(port)}: ${why}.`, {
          retryable: true,
        }),
      );
    };
    socket.once('error', (error) => fail(error.message));
    socket.once('timeout', () => fail('no answer'));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.removeAllListeners('timeout');
      // A paused desktop is silent for a while: that must not end the connection.
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

export class RfbClient {
  readonly desktopName: string;
  #screen: Framebuffer;
  readonly #socket: Socket;
  readonly #reader: ByteReader;
  readonly #zlib = new ZlibStream();
  readonly #push: boolean;
  #continuous = false;
  #frames = 0;
  #requestedAt: number | null = null;
  #stopped = false;

  private constructor(
    socket: Socket,
    reader: ByteReader,
    init: { width: number; height: number; name: string },
    push: boolean,
  ) {
    this.#socket = socket;
    this.#reader = reader;
    this.#screen = new Framebuffer(init.width, init.height);
    this.desktopName = init.name;
    this.#push = push;
  }

  /** Shake hands over a connected socket, which the client owns from now on. Throws PROTOCOL, NETWORK. */
  static async start(socket: Socket, options: RfbOptions = {}): Promise<RfbClient> {
    const reader = new ByteReader(socket);
    try {
      const init = await shakeHands(socket, reader);
      const push = options.mode === 'push';
      const pixels = (options.encodings ?? ['zrle', 'copyRect', 'raw']).map((name) => Encoding[name]);
      socket.write(setPixelFormat());
      const extensions = [
        Encoding.desktopSize,
        Encoding.lastRect,
        ...(push ? [Encoding.fence, Encoding.continuousUpdates] : []),
      ];
      socket.write(setEncodings([...pixels, ...extensions]));
      return new RfbClient(socket, reader, init, push);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** The screen as last drawn. */
  get screen(): Framebuffer {
    return this.#screen;
  }

  /** Local end of the connection: the same for its whole life. */
  get localAddress(): { address: string; port: number } {
    return { address: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 };
  }

  /** Bytes received on the connection so far. */
  get receivedBytes(): number {
    return this.#reader.receivedBytes;
  }

  /** Follow the desktop, calling `onFrame` after each complete update, until `stop` or the signal. Throws when the connection ends first. */
  async run(onFrame: (frame: Frame) => void, signal?: AbortSignal): Promise<void> {
    const stop = () => this.stop();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      this.#request(false);
      while (!this.#stopped) await this.#message(onFrame);
    } catch (error) {
      if (!this.#stopped) throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.stop();
    }
  }

  /** Close the connection. */
  stop(): void {
    this.#stopped = true;
    this.#zlib.close();
    this.#socket.destroy();
  }

  /** Press and release a key, given as an X11 key symbol (printable ASCII: its code). */
  pressKey(keysym: number): void {
    this.#socket.write(Buffer.concat([keyEvent(keysym, true), keyEvent(keysym, false)]));
  }

  /** Move the pointer; `buttons` as in `pointerEvent`. */
  movePointer(x: number, y: number, buttons = 0): void {
    this.#socket.write(pointerEvent(buttons, x, y));
  }

  get #whole(): Rect {
    return { x: 0, y: 0, width: this.#screen.width, height: this.#screen.height };
  }

  #request(incremental: boolean): void {
    if (this.#continuous) return;
    this.#requestedAt = now();
    this.#socket.write(framebufferUpdateRequest(incremental, this.#whole));
  }

  async #message(onFrame: (frame: Frame) => void): Promise<void> {
    const type = await this.#reader.readUint8();
    const before = this.#reader.consumedBytes - 1;
    switch (type) {
      case ServerMessage.framebufferUpdate: {
        const rects = await this.#update();
        const completedAt = now();
        const requestedAt = this.#continuous ? null : this.#requestedAt;
        // The next request leaves before anything else is done with this frame.
        this.#request(true);
        const bytes = this.#reader.consumedBytes - before;
        onFrame({ n: this.#frames++, requestedAt, completedAt, bytes, rects });
        return;
      }
      case ServerMessage.setColourMapEntries: {
        const head = await this.#reader.read(5);
        await this.#reader.read(6 * head.readUInt16BE(3));
        return;
      }
      case ServerMessage.bell:
        return;
      case ServerMessage.serverCutText: {
        const head = await this.#reader.read(7);
        await this.#reader.read(head.readUInt32BE(3));
        return;
      }
      case ServerMessage.endOfContinuousUpdates:
        // First sent to say that the server can; later, that it has stopped.
        if (this.#push && !this.#continuous) {
          this.#continuous = true;
          this.#socket.write(enableContinuousUpdates(true, this.#whole));
        } else {
          this.#continuous = false;
          this.#request(true);
        }
        return;
      case ServerMessage.fence: {
        const head = await this.#reader.read(8);
        const flags = head.readUInt32BE(3);
        const payload = await this.#reader.read(head.readUInt8(7));
        // Only "block before" and "block after" (bits 0, 1) are understood: everything is handled in order anyway.
        if (flags >= FENCE_REQUEST) this.#socket.write(clientFence(flags & 3, payload));
        return;
      }
      default:
        throw new VmshadowError(
          'PROTOCOL',
          `The VNC server sent message type ${String(type)}, which was not asked for.`,
        );
    }
  }

  /** Read one framebuffer update, drawing as it comes; gives the number of rectangles. */
  async #update(): Promise<number> {
    const head = await this.#reader.read(3);
    const announced = head.readUInt16BE(1);
    let rects = 0;
    for (; rects < announced; rects++) {
      const at = await this.#reader.read(12);
      const [x, y, width, height] = [
        at.readUInt16BE(0),
        at.readUInt16BE(2),
        at.readUInt16BE(4),
        at.readUInt16BE(6),
      ];
      const encoding = at.readInt32BE(8);
      if (encoding === Encoding.lastRect) break;
      await this.#rect({ x, y, width, height }, encoding);
    }
    return rects;
  }

  async #rect(rect: Rect, encoding: number): Promise<void> {
    switch (encoding) {
      case Encoding.raw:
        this.#screen.putRaw(rect, await this.#reader.read(rect.width * rect.height * BYTES_PER_PIXEL));
        return;
      case Encoding.copyRect: {
        const from = await this.#reader.read(4);
        this.#screen.copy(rect, from.readUInt16BE(0), from.readUInt16BE(2));
        return;
      }
      case Encoding.zrle: {
        const data = await this.#reader.read(await this.#reader.readUint32());
        drawZrle(this.#screen, rect, await this.#zlib.inflate(data));
        return;
      }
      case Encoding.desktopSize:
        this.#screen = new Framebuffer(rect.width, rect.height);
        return;
      default:
        throw new VmshadowError(
          'PROTOCOL',
          `The VNC server used encoding ${String(encoding)}, which was not offered.`,
        );
    }
  }
}

/** Version, security None, shared session; gives what the server says of its desktop. */
async function shakeHands(
  socket: Socket,
  reader: ByteReader,
): Promise<{ width: number; height: number; name: string }> {
  const version = parseVersion((await reader.read(12)).toString('latin1'));
  socket.write(version === '3.8' ? 'RFB 003.008\n' : 'RFB 003.003\n');
  const reason = async () => (await reader.read(await reader.readUint32())).toString('utf8');
  if (version === '3.8') {
    const count = await reader.readUint8();
    if (count === 0) throw new VmshadowError('PROTOCOL', `The VNC server refused: ${await reason()}`);
    const types = [...(await reader.read(count))];
    if (!types.includes(1))
      throw new VmshadowError(
        'PROTOCOL',
        `The VNC server wants authentication (types ${types.join(', ')}); this client knows only None (1).`,
      );
    socket.write(Buffer.from([1]));
    if ((await reader.readUint32()) !== 0)
      throw new VmshadowError('PROTOCOL', `The VNC server refused: ${await reason()}`);
  } else {
    const type = await reader.readUint32();
    if (type === 0) throw new VmshadowError('PROTOCOL', `The VNC server refused: ${await reason()}`);
    if (type !== 1)
      throw new VmshadowError(
        'PROTOCOL',
        `The VNC server wants authentication (type ${String(type)}); this client knows only None (1).`,
      );
  }
  // Shared: other viewers stay connected.
  socket.write(Buffer.from([1]));
  const head = await reader.read(24);
  const name = (await reader.read(head.readUInt32BE(20))).toString('utf8');
  return { width: head.readUInt16BE(0), height: head.readUInt16BE(2), name };
}
