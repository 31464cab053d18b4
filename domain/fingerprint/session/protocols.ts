// Names the remote-desktop protocol that a port stands for. Only a name for people: finding the flow does not depend on it.

/** One display a port; RFB numbers them from 5900. */
const VNC_FIRST = 5900;
const VNC_LAST = 5999;

const BY_PORT = new Map([
  [3389, 'rdp'],
  [4172, 'pcoip'],
  [1494, 'citrix'],
  [2598, 'citrix'],
  [4000, 'nomachine'],
  [5938, 'teamviewer'],
  [7070, 'anydesk'],
]);

/** Give the protocol's name, or null for a port that says nothing. SPICE shares VNC's ports and cannot be told apart by them. */
export function protocolOfPort(port: number): string | null {
  if (port >= VNC_FIRST && port <= VNC_LAST) return 'vnc';
  return BY_PORT.get(port) ?? null;
}
