// Protocols that name themselves in their first bytes.

/** What a flow's first bytes say, where they were captured: the only evidence of a protocol that a port does not decide. */
export function protocolOfBytes(payload: Uint8Array): string | null {
  const text = String.fromCharCode(...payload.subarray(0, 8));
  if (text.startsWith('RFB 0')) return 'vnc';
  if (text.startsWith('REDQ')) return 'spice';
  // TPKT and an X.224 connection request or confirm (RFC 1006, MS-RDPBCGR 2.2.1).
  if (payload[0] === 3 && payload[1] === 0 && (payload[5] === 0xe0 || payload[5] === 0xd0)) return 'rdp';
  if (text.startsWith('SSH-')) return 'ssh';
  if (/^(220[ -]|EHLO|HELO|\+OK|\* OK)/.test(text)) return 'mail or file transfer';
  return null;
}
