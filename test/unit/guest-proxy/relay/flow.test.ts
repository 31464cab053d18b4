import { isOver, newProgress, type RelayedFlow, seen } from '../../../../guest-proxy/relay/flow.js';
import { decodeNote, encodeNote, listNotes, type Note } from '../../../../guest-proxy/relay/notes.js';

const tcp: RelayedFlow = { protocol: 'tcp', port: 40_000, peer: { address: '203.0.113.80', port: 443 } };
const udp: RelayedFlow = { ...tcp, protocol: 'udp' };
const DAY_MS = 86_400_000;
const packet = (direction: 'in' | 'out', what: { fin?: boolean; rst?: boolean } = {}) => ({
  direction,
  fin: false,
  rst: false,
  ...what,
});

describe('a relayed flow', () => {
  it.each([
    ['a silent TCP connection', tcp, [], DAY_MS, false],
    ['one of which one end has said FIN', tcp, [packet('in', { fin: true })], 119_999, false],
    ['one of which one end has long ago', tcp, [packet('in', { fin: true })], 120_000, true],
    ['one of which both have', tcp, [packet('in', { fin: true }), packet('out', { fin: true })], 5_000, true],
    [
      'one that said so just now',
      tcp,
      [packet('in', { fin: true }), packet('out', { fin: true })],
      4_999,
      false,
    ],
    ['one that the desktop has reset', tcp, [packet('out', { rst: true })], 2_000, true],
    ['one for which a RST came, of whomever', tcp, [packet('in', { rst: true })], 119_999, false],
    ['one after whose RST nothing came', tcp, [packet('in', { rst: true })], 120_000, true],
    [
      'one whose desktop closes after a RST',
      tcp,
      [packet('in', { rst: true }), packet('out', { fin: true })],
      5_000,
      true,
    ],
    ['datagrams of late', udp, [packet('in')], 179_999, false],
    ['no datagram for long', udp, [packet('in')], 180_000, true],
  ])('is over or not: %s', (_, flow, packets, quietMs, over) => {
    const progress = packets.reduce((p, x) => seen(p, x, 1_000), newProgress(1_000));
    expect(isOver(flow, progress, 1_000 + quietMs)).toBe(over);
  });
});

describe('a note between hosts', () => {
  const notes: [Note, string][] = [
    [{ note: 'here', atMs: 5, flows: 2 }, '{"note":"here","atMs":5,"flows":2}'],
    [{ note: 'heard', atMs: 5 }, '{"note":"heard","atMs":5}'],
    [{ note: 'listed', number: 0 }, '{"note":"listed","number":0}'],
    [{ note: 'over' }, '{"note":"over"}'],
    [
      { note: 'list', number: 1, add: [tcp], direct: ['192.0.2.1'] },
      '{"note":"list","number":1,"add":[{"protocol":"tcp","port":40000,"peer":{"address":"203.0.113.80","port":443}}],"direct":["192.0.2.1"]}',
    ],
  ];
  it.each(notes)('has the bytes that hosts of this version exchange', (note, text) => {
    expect(encodeNote(note).toString()).toBe(text);
    expect(decodeNote(Buffer.from(text))).toEqual(note);
  });

  it('may carry more than a receiver knows, and is ignored when it is none', () => {
    expect(decodeNote(Buffer.from('{"note":"over","later":1}'))).toEqual({ note: 'over' });
    for (const text of ['', '{', '[]', 'null', '{"note":"later"}', '{"note":"here"}'])
      expect(decodeNote(Buffer.from(text))).toBeNull();
  });

  it('carries a list in pieces that fit a packet, each flow once', () => {
    const flows = Array.from({ length: 100 }, (_, i) => ({ ...tcp, port: 40_000 + i }));
    const pieces = listNotes(flows, ['192.0.2.1']);
    expect(pieces.flatMap((p) => p.add)).toEqual(flows);
    expect(pieces.flatMap((p) => p.direct)).toEqual(['192.0.2.1']);
    expect(pieces.map((p) => p.number)).toEqual(pieces.map((_, i) => i));
    for (const piece of pieces) expect(encodeNote(piece).length).toBeLessThan(1_300);
    expect(listNotes([], [])).toEqual([]);
  });
});
