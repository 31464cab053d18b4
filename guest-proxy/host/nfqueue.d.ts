// nfqueue 0.3: a binding of libnetfilter_queue. It has no types and cannot close a queue: a queue lives as long as its process.
declare module 'nfqueue' {
  export interface NfPacket {
    readonly info: {
      readonly id: number;
      readonly len: number;
      readonly nfmark: number;
      readonly indev: number;
    };
    /** The whole IP packet. */
    readonly payload: Buffer;
    setVerdict(verdict: number, mark?: number | null, replacement?: Buffer | null): void;
  }
  const nfqueue: {
    readonly NF_DROP: number;
    readonly NF_ACCEPT: number;
    /** `socketBytes` is the netlink socket's receive buffer. The callback must not throw. */
    createQueueHandler(queue: number, socketBytes: number, onPacket: (packet: NfPacket) => void): unknown;
  };
  export default nfqueue;
}
