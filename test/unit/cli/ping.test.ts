import { pathsOf, renderPing } from '../../../cli/render/ping.js';
import { DESKTOP } from './fixture.js';

const relayed = [{ oldExternal: '203.0.113.9', connections: 3, rttMs: 28.4 }];

it('names the direct path with the user’s round trip, and that there is no other', () => {
  expect(renderPing({ ...DESKTOP, external: '198.51.100.10', rttMs: 20.4 })).toMatch(
    /^video at us-west\/h1\n {2}direct, 198\.51\.100\.10: round trip of the user 20\.4 ms\n {2}no connection goes over/,
  );
});

it('names each site that connections still go over, how many, and what they pay', () => {
  const text = renderPing({ ...DESKTOP, relayed });
  expect(text).toContain('over 203.0.113.9, a site that it has left: 3 connections, 28.4 ms more');
  expect(text).not.toContain('no connection');
  expect(pathsOf({ ...DESKTOP, external: '198.51.100.10', rttMs: 20.4, relayed })).toEqual([
    { path: 'direct', address: '198.51.100.10', connections: null, rttMs: 20.4 },
    { path: 'relay', address: '203.0.113.9', connections: 3, rttMs: 28.4 },
  ]);
});

it('says what has not been measured, and prints no control characters of a host’s report', () => {
  const strange = [{ oldExternal: '\u001b[2J', connections: 1, rttMs: null }];
  const text = renderPing({ ...DESKTOP, external: null, rttMs: null, relayed: strange });
  expect(text).toContain('no address: the user’s round trip has not been measured');
  expect(text).toContain('the way between the hosts has not been measured');
  expect(text).not.toContain('\u001b');
});
