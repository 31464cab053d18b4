import { nearestSite, renderStatus, renderStatusLine } from '../../../cli/render/status.js';
import { DESKTOP, host, LOOP, LOOP_MOVING, MOVE, NOW_MS } from './fixture.js';

const view = { loop: LOOP, moves: {}, atMs: NOW_MS };
const moving = { loop: LOOP_MOVING, moves: { video: MOVE }, atMs: NOW_MS };

describe('vmshadow status', () => {
  it('shows where a desktop is, how it ranks and how far its user is', () => {
    const text = renderStatus(view);
    expect(text).toMatch(/video +us-west\/h1 +running +0\.86 +0\.70 +100\.2 ms +us-east \(20\.4 ms\)/);
    expect(text).toContain('198.51.100.10:5901');
    expect(text).toContain('every frame waits for the distance');
    expect(text).toContain('cycle 12 (last 5 s ago, next in 25 s)');
    expect(renderStatus({ ...view, atMs: NOW_MS + 40_000 })).toContain(
      '(last 45 s ago, next was due 15 s ago)',
    );
  });

  it('tells a host that is down from one that was never seen', () => {
    expect(renderStatus(view)).toMatch(/us-east\/h1 +DOWN +0\/4 .* 1 min 5 s ago/);
    const unseen = { ...LOOP.hosts[1]!, capacity: null, used: null, lastSeenMs: null };
    expect(renderStatus({ ...view, loop: { ...LOOP, hosts: [unseen] } })).toMatch(
      /us-east\/h1 +not seen +-\/-/,
    );
  });

  it('names each problem once', () => {
    expect(renderStatus(view).match(/the host did not take up its task/g)).toHaveLength(1);
    const silent = { ...LOOP, problems: [] };
    expect(renderStatus({ ...view, loop: silent })).toContain(
      '! host us-east/h1: the host did not take up its task',
    );
    const well = { ...LOOP, problems: [], hosts: LOOP.hosts.slice(0, 1) };
    expect(renderStatus({ ...view, loop: well })).toContain('PROBLEMS  none');
  });

  it('compares what a move gave with what was predicted, and says where that is not known yet', () => {
    const gain = {
      desktop: DESKTOP.desktop,
      from: host('us-west'),
      to: host('us-east'),
      endedAtMs: NOW_MS - 60_000,
      before: { rttMs: 100, responseMs: 130 },
      predicted: { rttMs: 20, responseMs: 50 },
      realised: { rttMs: 21, responseMs: 120 },
      verdict: 'fell-short' as const,
    };
    const gains = [gain, { ...gain, realised: null, verdict: 'waiting' as const }];
    const text = renderStatus({ ...view, loop: { ...LOOP, gains } });
    expect(text).toMatch(
      /GAINS.*\n.*\n +video +us-west\/h1 -> us-east\/h1 .*130 ms -> 50 ms \/ 120 ms +fell short +1 min ago/,
    );
    expect(text).toMatch(/100 ms -> 20 ms \/ - .* waiting/);
  });

  it('names the moves that are held back, until when and why, and nothing where there are none', () => {
    expect(renderStatus(view)).not.toContain('HELD BACK');
    const held = {
      what: 'moves from us-west/h1 to us-east/h1',
      blame: 'hosts' as const,
      desktop: null,
      from: host('us-west'),
      to: host('us-east'),
      code: 'PEER_REFUSED',
      reason: 'its CPU model is b, the source has a',
      failures: 3,
      failedAtMs: NOW_MS - 60_000,
      untilMs: NOW_MS + 1_200_000,
    };
    const text = renderStatus({ ...view, loop: { ...LOOP, held: [held], heldCount: 4 } });
    expect(text).toMatch(
      /HELD BACK\n.*\n +moves from us-west\/h1 to us-east\/h1 +in 20 min +3 +PEER_REFUSED: its CPU model is b/,
    );
    expect(text).toContain('and 3 more');
    const before = { ...LOOP, held: undefined } as unknown as typeof LOOP;
    expect(renderStatus({ ...view, loop: before })).not.toContain('HELD BACK');
  });

  it('shows what is wrong with a desktop before anything else that there is to say of it', () => {
    const stuck = { ...DESKTOP, state: 'out-of-space' as const, problem: 'no space left at /srv' };
    const text = renderStatus({ ...view, loop: { ...LOOP, desktops: [stuck] } });
    expect(text).toMatch(/video +us-west\/h1 +out-of-space .* no space left at \/srv/);
    expect(text).not.toContain('every frame waits');
  });

  it('shows a move with bar, percent, phase, bytes, rate and time left', () => {
    const text = renderStatus(moving);
    expect(text).toContain('video -> us-east/h1 (loop, for 1 min)');
    expect(text).toContain(
      '[################....]  80 %  memory (4/6, round 1)  100 MB of 200 MB  WAN 360 MB  60 Mbit/s  13 s left',
    );
    expect(text).toContain('its user is nearer to us-east');
  });

  it('still shows a move that gives no answer', () => {
    expect(renderStatus({ ...moving, moves: { video: null } })).toContain('gives no answer');
  });

  it('shows what ended and why, newest first', () => {
    const ended = (desktop: string, endedAtMs: number, error: string | null) => ({
      ...LOOP_MOVING.moves[0]!,
      desktop: DESKTOP.desktop,
      from: host('us-west'),
      outcome: error === null ? 'moved' : 'failed',
      cause: desktop,
      endedAtMs,
      error,
    });
    const recent = [ended('older', NOW_MS - 90_000, null), ended('newer', NOW_MS - 5_000, 'no room')];
    const text = renderStatus({ ...view, loop: { ...LOOP, recent } });
    expect(text).toMatch(/failed +newer +5 s ago +no room\n.*moved +older +1 min 30 s ago/);
  });

  it('says for how long a desktop stays after a move', () => {
    const locked = { ...DESKTOP, lockedUntilMs: NOW_MS + 125_000 };
    expect(renderStatus({ ...view, loop: { ...LOOP, desktops: [locked] } })).toContain('stays for 2 min 5 s');
  });

  it('says how many connections still go over a site that the desktop has left, and what they pay', () => {
    const relayed = [
      { oldExternal: '198.51.100.10', connections: 3, rttMs: 42 },
      { oldExternal: '192.0.2.10', connections: 1, rttMs: null },
    ];
    const text = renderStatus({ ...view, loop: { ...LOOP, desktops: [{ ...DESKTOP, relayed }] } });
    expect(text).toContain('3 connections over 198.51.100.10 (+42 ms); 1 connection over 192.0.2.10 (+');
  });

  it('lets no control character of the world reach the terminal', () => {
    const evil = {
      ...LOOP,
      problems: ['a\u001b[2Jb\nc'],
      desktops: [{ ...DESKTOP, reasons: ['x\u001b]0;y\u0007'] }],
    };
    expect(renderStatus({ ...view, loop: evil })).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('says in one line what changes, for logs', () => {
    expect(renderStatusLine(moving)).toBe(
      'cycle 12 | hosts 1/2 | 1 desktop | video -> us-east/h1 memory 80 %, 13 s left | 1 problem',
    );
    expect(renderStatusLine({ ...view, loop: { ...LOOP, problems: [] } })).toBe(
      'cycle 12 | hosts 1/2 | 1 desktop | no move',
    );
  });

  it('finds the nearest site by measured RTT only', () => {
    expect(nearestSite({ a: 30, b: 3 })).toBe('b (3 ms)');
    expect(nearestSite({})).toBe('-');
  });
});
