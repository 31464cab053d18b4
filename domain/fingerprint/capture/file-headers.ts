// How captures begin: the classic format by its magic number, the block format by a section header.

/** Of the classic format. */
export const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Records of the "modified" format (A. Kuznetzov's patch): behind the same fields interface 4 | protocol 2 | packet type 1 | padding 1. */
const MODIFIED_RECORD_HEADER_BYTES = 24;
export const SECTION_HEADER = 0x0a0d0d0a;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Kinds of the classic format, by the first four bytes, big endian. */
export const PCAP_MAGICS: ReadonlyMap<
  number,
  { readonly little: boolean; readonly perSecond: number; readonly recordHeader: number }
> = new Map([
  [0xa1b2c3d4, { little: false, perSecond: 1e6, recordHeader: RECORD_HEADER_BYTES }],
  [0xd4c3b2a1, { little: true, perSecond: 1e6, recordHeader: RECORD_HEADER_BYTES }],
  [0xa1b23c4d, { little: false, perSecond: 1e9, recordHeader: RECORD_HEADER_BYTES }],
  [0x4d3cb2a1, { little: true, perSecond: 1e9, recordHeader: RECORD_HEADER_BYTES }],
  [0xa1b2cd34, { little: false, perSecond: 1e6, recordHeader: MODIFIED_RECORD_HEADER_BYTES }],
  [0x34cdb2a1, { little: true, perSecond: 1e6, recordHeader: MODIFIED_RECORD_HEADER_BYTES }],
]);

/**
 * Tell whether another capture begins at `at`, where a record or block would: files are put one behind the other, packed or not.
 * `later`: it may, but more bytes have to come first.
 */
export function anotherCapture(view: DataView, at: number): boolean | 'later' {
  const magic = view.getUint32(at);
  if (magic === SECTION_HEADER)
    return [true, false].some((little) => view.getUint32(at + 8, little) === BYTE_ORDER_MAGIC);
  const kind = PCAP_MAGICS.get(magic);
  if (kind === undefined) return false;
  if (at + FILE_HEADER_BYTES > view.byteLength) return 'later';
  const version = [view.getUint16(at + 4, kind.little), view.getUint16(at + 6, kind.little)];
  return version.join('.') === '2.4' && view.getUint32(at + 8) === 0 && view.getUint32(at + 12) === 0;
}
