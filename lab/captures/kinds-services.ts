// What machines and people do without a remote desktop, on the ports where it is expected and on others: no session, and no rank above 0.6.
import { asking, beating, together } from './flows.js';
import { captureOf, type Kind } from './kind.js';
import { SERVER, type Conversation, type Said } from './packets.js';
import { CALLS_AND_VIDEO } from './services/calls-and-video.js';
import { DATABASES } from './services/databases.js';
import { INDUSTRY } from './services/industry.js';
import { INFRASTRUCTURE } from './services/infrastructure.js';
import { SCANS } from './services/scans.js';
import { paced, type Service } from './services/service.js';
import { SSH } from './services/ssh.js';
import { STORAGE } from './services/storage.js';
import { TELEMETRY } from './services/telemetry.js';
import { WEB_AND_MAIL } from './services/web-and-mail.js';

const SERVICES: readonly Service[] = [
  ...STORAGE,
  ...INDUSTRY,
  ...WEB_AND_MAIL,
  ...DATABASES,
  ...SSH,
  ...TELEMETRY,
  ...CALLS_AND_VIDEO,
  ...INFRASTRUCTURE,
];

export function serviceKinds(): Kind[] {
  const group = 'no session';
  const right = { desktops: [] };
  const kind = (name: string, conversations: readonly Conversation[]): Kind => ({
    group,
    name,
    right,
    file: () => captureOf(conversations),
  });
  return [
    ...SERVICES.flatMap(([name, c, others = []]) => [
      kind(name, [{ rttMs: 0.4, ...c }]),
      kind(`${name}, 25 ms away`, [{ ...c, rttMs: 25, said: (r) => stretched(c.said(r), 25) }]),
      ...others.map((port) => kind(`${name}, on ${port}`, [{ rttMs: 0.4, ...c, port }])),
      ...others
        .slice(0, 1)
        .map((port) =>
          kind(`${name}, on ${port}, 25 ms away`, [
            { ...c, port, rttMs: 25, said: (r) => stretched(c.said(r), 25) },
          ]),
        ),
    ]),
    ...SCANS.map(([name, conversations]) => kind(name, conversations)),
    kind('a backup beside a call and names', [
      { port: 9102, opens: true, said: together(paced(8, 900, true), beating(8, 400, 60, false, 200)) },
      {
        protocol: 'udp',
        port: 16_400,
        clientPort: 20_000,
        said: together(beating(8, 20, 32, true, 6), beating(8, 20, 32, false, 6)),
      },
      {
        protocol: 'udp',
        port: 53,
        server: '203.0.113.53',
        client: SERVER,
        clientPort: 40_002,
        said: asking({ seconds: 5, ask: 40, answer: 120, workMs: 8, restMs: 300 }),
      },
    ]),
  ];
}

/** Farther away: what answers the other side comes later by the way. */
function stretched(said: readonly Said[], rttMs: number): Said[] {
  const sorted = [...said].sort((a, b) => a.atMs - b.atMs);
  let late = 0;
  return sorted.map((s, i) => {
    const previous = sorted[i - 1];
    if (!s.fromServer && previous?.fromServer === true && s.atMs - previous.atMs > 0) late += rttMs;
    return { ...s, atMs: s.atMs + late };
  });
}
