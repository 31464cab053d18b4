// The port of a host's uplink: caps of moves, held on the wire. A cap outlives the process that made it. What any driver promises is
// claimed in test/compliance/uplink.ts.

export interface LinkCap {
  /**
   * Put a TCP `port` of the peer (IPv4) under the move's cap, megabits a second for all its ports together; called again it changes the
   * cap. A port serves one move at a time: it goes to the move that asks last. Throws INPUT_INVALID, with everything as it was.
   */
  cap(moveId: string, peer: string, port: number, mbps: number): Promise<void>;
  /** Take the move's cap away; fine when there is none. */
  uncap(moveId: string): Promise<void>;
  /** The moves that have a cap. */
  capped(): Promise<string[]>;
}
