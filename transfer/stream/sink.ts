// What a parser tells of a stream: its bytes in order, pages apart from the rest.
import type { RecordHead } from './batch.js';

export interface Sink {
  /** Bytes that go as they are. */
  literal(bytes: Buffer): void;
  /** A page of zeros: with a record its one byte, else 4,096. */
  zero(record: RecordHead | null): void;
  /** A page that is not all zeros; `key` names its place, null where that says nothing. */
  page(record: RecordHead | null, key: number | null, page: Buffer): void;
}

/** Reads as much of a stream as is whole, tells it, and gives how many bytes that was. Bytes are given again from there. */
export interface StreamParser {
  parse(bytes: Buffer, sink: Sink): number;
  /** Take the rest of the stream as bytes of no meaning. */
  giveUp(): void;
}
