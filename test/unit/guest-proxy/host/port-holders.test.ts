import { holdersOf, inTheWay } from '../../../../guest-proxy/host/port-holders.js';
import { parseListeners } from '../../../../os/listeners.js';

// As `ss -Hlntup` of iproute2 6.x prints it.
const LISTENING = parseListeners(`
udp   UNCONN 0      0            0.0.0.0:53         0.0.0.0:*    users:(("named",pid=812,fd=6))
tcp   LISTEN 0      10           0.0.0.0:53         0.0.0.0:*    users:(("named",pid=812,fd=7))
udp   UNCONN 0      0      127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=401,fd=12))
udp   UNCONN 0      0       0.0.0.0%vs-d1:67        0.0.0.0:*    users:(("dnsmasq",pid=990,fd=4))
udp   UNCONN 0      0          10.77.0.1:53         0.0.0.0:*    users:(("dnsmasq",pid=990,fd=6))
tcp   LISTEN 0      128          0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=500,fd=3))
udp   UNCONN 0      0               [::]:67            [::]:*    users:(("kea-dhcp4",pid=77,fd=9))
udp   UNCONN 0      0            0.0.0.0:67         0.0.0.0:*
`);

it('finds who listens at all addresses on the ports of DNS and DHCP, each program once', () => {
  expect(holdersOf(LISTENING).map(({ program, port, pid }) => [program, port, pid])).toEqual([
    ['named', 53, 812],
    ['kea-dhcp4', 67, 77],
  ]);
});

it('says whose it is and what to do, and nothing where nobody is in the way', () => {
  expect(inTheWay(holdersOf(LISTENING))).toMatch(
    /^named \(process 812\) listens on port 53 of every address: .* \(listen-on in named.conf\); kea-dhcp4 \(process 77\) /,
  );
  expect(inTheWay(holdersOf([]))).toBe('');
});
