import {
  parseShared,
  parseSlots,
  renderCap,
  renderUncap,
  type Slot,
} from '../../../../drivers/uplink/rate-cap.js';

const traffic = { device: 'wan', peer: '198.51.100.7', ports: [49000, 49001] };
const slot: Slot = { slot: 1, peer: traffic.peer, ports: [49000, 49001] };
const other: Slot = { slot: 2, peer: '198.51.100.8', ports: [49000, 49001] };

describe('a bandwidth cap', () => {
  it('makes the tree, one class and a filter a port', () => {
    expect(renderCap({ ...traffic, mbps: 60 }, null)).toEqual([
      'qdisc add dev wan root handle 8674: htb default 0',
      'class replace dev wan parent 8674: classid 8674:1 htb rate 60000000bit ceil 60000000bit burst 65536b cburst 65536b quantum 60000',
      'filter add dev wan parent 8674: protocol ip pref 1 u32 match ip dst 198.51.100.7/32 match ip protocol 6 0xff match ip dport 49000 0xffff classid 8674:1',
      'filter add dev wan parent 8674: protocol ip pref 1 u32 match ip dst 198.51.100.7/32 match ip protocol 6 0xff match ip dport 49001 0xffff classid 8674:1',
    ]);
  });

  it('changes only the rate when the same traffic is capped again', () => {
    expect(renderCap({ ...traffic, mbps: 20 }, [slot, other])).toEqual([
      expect.stringContaining('class replace dev wan parent 8674: classid 8674:1 htb rate 20000000bit'),
    ]);
  });

  it('gives another move the lowest free class', () => {
    expect(renderCap({ ...traffic, mbps: 20 }, [{ ...other, slot: 1 }])[0]).toContain('classid 8674:2');
    expect(renderCap({ ...traffic, mbps: 20 }, [other])[0]).toContain('classid 8674:1');
  });

  it('takes away the leftover of a move that had one of the ports', () => {
    const commands = renderCap({ ...traffic, ports: [49001, 49002], mbps: 20 }, [slot, other]);
    expect(commands.slice(0, 2)).toEqual([
      'filter del dev wan parent 8674: pref 1',
      'class del dev wan classid 8674:1',
    ]);
    expect(commands).toHaveLength(5);
  });

  it('stands under the budget of all moves where there is one, and is made anew where it did not', () => {
    const budget = { ...traffic, mbps: 60, budgetMbps: 40 };
    const classes = [
      'class replace dev wan parent 8674: classid 8674:fff htb rate 40000000bit ceil 40000000bit burst 65536b cburst 65536b quantum 60000',
      'class replace dev wan parent 8674:fff classid 8674:1 htb rate 400000bit ceil 40000000bit burst 65536b cburst 65536b quantum 60000',
    ];
    expect(renderCap(budget, null).slice(1, 3)).toEqual(classes);
    const shown =
      'class htb 8674:1 parent 8674:fff prio 0 rate 1Mbit\nclass htb 8674:2 root prio 0 rate 2Mbit\n';
    expect(parseShared(shown)).toEqual(new Set([1]));
    expect(renderCap(budget, [slot, other], new Set([1]))).toEqual(classes);
    expect(renderCap(budget, [slot, other], new Set()).slice(0, 2)).toEqual([
      'filter del dev wan parent 8674: pref 1',
      'class del dev wan classid 8674:1',
    ]);
    expect(renderCap({ ...traffic, mbps: 60 }, [slot], new Set([1])).slice(0, 2)).toEqual([
      'filter del dev wan parent 8674: pref 1',
      'class del dev wan classid 8674:1',
    ]);
  });

  it('leaves other moves alone when it ends, and takes the tree with the last', () => {
    expect(renderUncap(traffic, [slot, other])).toEqual([
      'filter del dev wan parent 8674: pref 1',
      'class del dev wan classid 8674:1',
    ]);
    expect(renderUncap(traffic, [other])).toEqual([]);
    expect(renderUncap(traffic, [slot])).toEqual(['qdisc del dev wan root handle 8674:']);
  });

  it('reads back what the kernel shows of it', () => {
    // As iproute2 6.1 prints it, the key "match" repeated.
    const filter = (port: string): string =>
      '{"parent":"8674:","protocol":"ip","pref":1,"kind":"u32","chain":0,"options":{"fh":"800::800","flowid":"8674:1","not_in_hw":true,' +
      '"match":{"value":"c6336407","mask":"ffffffff","offmask":"","off":16},"match":{"value":"60000","mask":"ff0000","offmask":"","off":8},' +
      `"match":{"value":"${port}","mask":"ffff","offmask":"","off":20}}}`;
    const shown = `[{"protocol":"ip","pref":1,"kind":"u32","chain":0},{"parent":"8674:","pref":1,"kind":"u32","options":{"fh":"800:","ht_divisor":1}},${filter('bf68')},${filter('bf69')}]`;
    expect(parseSlots(shown)).toEqual([slot]);
    expect(parseSlots('')).toEqual([]);
  });
});
