// RFB 3.3 and 3.8 on the wire (RFC 6143), as the client needs it. Pure: bytes in, values out. All numbers big endian.
//
//   client: 0 SetPixelFormat | 2 SetEncodings | 3 FramebufferUpdateRequest | 4 KeyEvent | 5 PointerEvent
//           150 EnableContinuousUpdates | 248 ClientFence
//   server: 0 FramebufferUpdate | 1 SetColourMapEntries | 2 Bell | 3 ServerCutText | 150 EndOfContinuousUpdates | 248 ServerFence
import { VmshadowError } from '../../domain/errors.js';

export const Encoding = {
  raw: 0,
  copyRect: 1,
  zrle: 16,
  /** Pseudo-encodings: what the client understands besides pixels. */
  desktopSize: -223,
  lastRect: -224,
  fence: -312,
  continuousUpdates: -313,
} as const;

export const ServerMessage = {
  framebufferUpdate: 0,
  setColourMapEntries: 1,
  bell: 2,
  serverCutText: 3,
  endOfContinuousUpdates: 150,
  fence: 248,
} as const;

/** X11 key symbols that a typist needs besides printable ASCII, which is its own symbol. */
export const Keysym = {
  return: 0xff0d,
  backspace: 0xff08,
  pageDown: 0xff56,
  pageUp: 0xff55,
  left: 0xff51,
  right: 0xff53,
} as const;

/** A request for the next fence is answered without this bit. */
export const FENCE_REQUEST = 0x8000_0000;

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The only pixel format that the client asks for: 16 bits, little endian, red 5, green 6, blue 5. */
export const BYTES_PER_PIXEL = 2;

/** Parse `RFB 003.008\n`; servers that say something between (Apple's 003.889) speak 3.8. Throws PROTOCOL. */
export function parseVersion(banner: string): '3.3' | '3.8' {
  const match = /^RFB (\d{3})\.(\d{3})\n$/.exec(banner);
  if (match === null || Number(match[1]) !== 3)
    throw new VmshadowError(
      'PROTOCOL',
      `The peer is no VNC server: it began with ${JSON.stringify(banner)}, expected "RFB 003.008\\n".`,
    );
  // 3.7 was never common; RFC 6143 has unknown versions treated as 3.3.
  return Number(match[2]) >= 8 ? '3.8' : '3.3';
}

export function setPixelFormat(): Buffer {
  const message = Buffer.alloc(20);
  // type, 3 padding; bits, depth, big endian, true colour; maxima 31, 63, 31; shifts 11, 5, 0; 3 padding.
  message.set([0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0]);
  return message;
}

export function setEncodings(encodings: readonly number[]): Buffer {
  const message = Buffer.alloc(4 + 4 * encodings.length);
  message.writeUInt8(2, 0);
  message.writeUInt16BE(encodings.length, 2);
  encodings.forEach((encoding, i) => message.writeInt32BE(encoding, 4 + 4 * i));
  return message;
}

const withRect = (head: readonly number[], rect: Rect) => {
  const message = Buffer.alloc(head.length + 8);
  message.set(head);
  [rect.x, rect.y, rect.width, rect.height].forEach((n, i) => message.writeUInt16BE(n, head.length + 2 * i));
  return message;
};

export function framebufferUpdateRequest(incremental: boolean, rect: Rect): Buffer {
  return withRect([3, incremental ? 1 : 0], rect);
}

export function enableContinuousUpdates(enable: boolean, rect: Rect): Buffer {
  return withRect([150, enable ? 1 : 0], rect);
}

export function keyEvent(keysym: number, down: boolean): Buffer {
  const message = Buffer.alloc(8);
  message.set([4, down ? 1 : 0]);
  message.writeUInt32BE(keysym, 4);
  return message;
}

/** `buttons`: bit 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down. */
export function pointerEvent(buttons: number, x: number, y: number): Buffer {
  const message = Buffer.alloc(6);
  message.set([5, buttons]);
  message.writeUInt16BE(x, 2);
  message.writeUInt16BE(y, 4);
  return message;
}

export function clientFence(flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt8(248, 0);
  head.writeUInt32BE(flags, 4);
  head.writeUInt8(payload.length, 8);
  return Buffer.concat([head, payload]);
}
