// The port of a host's uplink: caps of moves, held on the wire.

export interface LinkCap {
  /** Put `port` of the peer under the move's cap, megabits a second for all its ports together. */
  cap(moveId: string, peer: string, port: number, mbps: number): Promise<void>;
  /** Take the move's cap away; fine when there is none. */
  uncap(moveId: string): Promise<void>;
}
