// One TLS connection between two relays, as frames: what both ends of a stream share.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import {
  FRAMES,
  FrameReader,
  HEAD_BYTES,
  errorContent,
  frameHead,
  toldError,
  type Frame,
  type FrameType,
} from './frames.js';

/** More is not handed to the kernel's queue ahead of time: what waits there cannot be overtaken, and delays the pause. */
const MOST_QUEUED_BYTES = 256 * 1024;
/** An end that says nothing for so long has gone, or was no relay. */
export const GREETING_WITHIN_MS = 15_000;

export interface WireHandlers {
  onFrame(frame: Frame): void;
  /** Hears how many bytes were given to the connection. */
  onSent(bytes: number): void;
  /** Once, with why, or null where both directions have ended in order. */
  onClose(error: Error | null): void;
}

export class Wire {
  readonly socket: TLSSocket;
  readonly #local: Socket;
  readonly #handlers: WireHandlers;
  readonly #reader = new FrameReader();
  #closed = false;
  #sentEnd = false;
  #gotEnd = false;

  constructor(socket: TLSSocket, local: Socket, handlers: WireHandlers) {
    this.socket = socket;
    this.#local = local;
    this.#handlers = handlers;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', (error) => this.fail(error, false));
    local.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the connection to the other relay ended'), false));
    local.on('close', () => {
      if (!this.#sentEnd || !this.#gotEnd) this.fail(new Error('the program at this end hung up'));
    });
  }

  /** Whether the link takes more at the moment. */
  get isFull(): boolean {
    return this.socket.writableLength > MOST_QUEUED_BYTES;
  }

  send(type: FrameType, ...content: readonly Buffer[]): void {
    if (this.#closed) return;
    const bytes = content.reduce((sum, part) => sum + part.length, 0);
    this.#handlers.onSent(bytes + HEAD_BYTES);
    this.socket.cork();
    this.socket.write(frameHead(type, bytes));
    for (const part of content) if (part.length > 0) this.socket.write(part);
    this.socket.uncork();
  }

  /** Say that this direction has ended. */
  end(): void {
    this.send(FRAMES.end);
    this.#sentEnd = true;
    this.#closeWhenBothEnded();
  }

  /** The other direction has ended, and all of it has been given out. */
  otherEnded(): void {
    this.#gotEnd = true;
    this.#local.end();
    this.#closeWhenBothEnded();
  }

  /** End both connections at once, so that both programs see it; `tell` the other relay why. */
  fail(error: unknown, tell = true): void {
    if (this.#closed) return;
    if (tell) this.send(FRAMES.error, errorContent(messageOf(error)));
    this.#closed = true;
    this.#local.destroy();
    // What was said last still goes out.
    this.socket.end();
    setTimeout(() => this.socket.destroy(), tell ? 500 : 0).unref();
    this.#handlers.onClose(error instanceof Error ? error : new Error(messageOf(error)));
  }

  #closeWhenBothEnded(): void {
    if (this.#closed || !this.#sentEnd || !this.#gotEnd) return;
    this.#closed = true;
    this.socket.end();
    this.#handlers.onClose(null);
  }

  #take(bytes: Buffer): void {
    try {
      for (const frame of this.#reader.push(bytes)) {
        if (this.#closed) return;
        if (frame.type === FRAMES.error) throw toldError(frame.content);
        this.#handlers.onFrame(frame);
      }
    } catch (error) {
      this.fail(error, !(error instanceof VmshadowError && error.code === 'PEER_REFUSED'));
    }
  }
}

/** The error for a frame that does not belong there. */
export function unexpected(type: number): VmshadowError {
  return new VmshadowError('PROTOCOL', `frame ${type} was not expected here`);
}
