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

/** Services that machines ask of each other: mail, names, files, databases, sensors, shells. Their flows are no sessions, however they look. */
export const MACHINE_PORTS: ReadonlySet<number> = new Set([
  20, 21, 22, 23, 25, 53, 69, 88, 102, 110, 111, 123, 135, 137, 138, 139, 143, 161, 162, 389, 445, 465, 502,
  514, 515, 548, 554, 587, 631, 636, 789, 853, 873, 989, 990, 992, 993, 995, 1433, 1521, 1883, 2049, 2404,
  2483, 3260, 3306, 4840, 5060, 5061, 5432, 5672, 5683, 6379, 8883, 9042, 9092, 9100, 9200, 10_809, 11_211,
  20_000, 20_048, 27_017, 44_818, 47_808,
]);
/** Ports of the web: most of what is there is none, but a screen may be. */
export const WEB_PORTS: ReadonlySet<number> = new Set([
  80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 8888, 9443, 10_443,
]);
/** Calls: STUN and TURN, Meet, Zoom, Teams. */
export const CONFERENCE_PORTS: ReadonlySet<number> = new Set([
  3478, 3479, 3480, 3481, 5349, 8801, 8802, 8803, 8804, 8805, 8806, 8807, 8808, 8809, 8810, 19_302, 19_303,
  19_304, 19_305, 19_306, 19_307, 19_308, 19_309,
]);
/** Screens streamed over UDP: RDP, PCoIP, DCV, Blast, Moonlight and Sunshine. */
export const STREAM_PORTS: ReadonlySet<number> = new Set([
  3389, 4172, 8443, 22_443, 47_998, 47_999, 48_000, 48_002, 48_010,
]);

/** Give the protocol's name, or null for a port that says nothing. SPICE shares VNC's ports and cannot be told apart by them. */
export function protocolOfPort(port: number): string | null {
  return BY_PORT.get(port) ?? (port >= VNC_FIRST && port <= VNC_LAST ? 'vnc' : null);
}

/** Protocols told by bytes that show no screen. */
export const SCREENLESS: ReadonlySet<string> = new Set(['ssh', 'mail or file transfer']);
