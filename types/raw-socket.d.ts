// The part of raw-socket 1.8 that guest-proxy uses: sending whole IP packets.
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface RawSocket extends EventEmitter {
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      done: (error: Error | null, bytes: number) => void,
    ): this;
    setOption(level: number, option: number, value: number): void;
    close(): this;
  }
  const raw: {
    readonly SocketLevel: { readonly IPPROTO_IP: number };
    readonly SocketOption: { readonly IP_HDRINCL: number };
    createSocket(options: { protocol: number; bufferSize?: number }): RawSocket;
  };
  export default raw;
}
