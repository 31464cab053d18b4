// A small WAN for fingerprint tests and benchmarks, in namespaces that it makes and removes: guest -- dom0 -- wan -- user. The wan holds
// every packet for half the round trip (lab/wan) and may lose some. The guest is a namespace whose veth stands for the tap, or a virtual
// machine on a tap.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageFolder } from '../../lab/images/locate.js';
import { endProcessesIn, execIn, inNamespace, ipBatch } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { howItEnded, startCommand } from '../../os/start-command.js';

export const GUEST_ADDRESS = '10.77.0.2';
export const USER_ADDRESS = '198.51.100.2';
/** Where the same user comes from after a move to another network. */
export const OTHER_USER_ADDRESS = '203.0.113.2';
export const TAP = 'tapg';
/** Where servers on the wan listen, dom0's side. */
export const WAN_ADDRESS = '192.0.2.1';
export const GATEWAY_ADDRESS = '10.77.0.1';
const GUEST_TCP = 'reno';
const READY_MS = 10_000;
/** Before the delay: what is lost is not held. */
const LOSS_CHAIN = 'LOSS';

export class RigNetwork {
  readonly guest: string;
  readonly dom0: string;
  readonly wan: string;
  readonly user: string;
  readonly folder: string;
  readonly #forMachine: boolean;

  private constructor(prefix: string, folder: string, forMachine: boolean) {
    this.#forMachine = forMachine;
    this.guest = `${prefix}-guest`;
    this.dom0 = `${prefix}-dom0`;
    this.wan = `${prefix}-wan`;
    this.user = `${prefix}-user`;
    this.folder = folder;
  }

  /**
   * Build the namespaces `PREFIX-guest` to `PREFIX-user` with this round trip; remove what a killed run of that name left. With
   * `forMachine` the guest's namespace stays empty, and a tap in dom0 waits for a virtual machine.
   */
  static async create(prefix: string, rttMs: number, forMachine = false): Promise<RigNetwork> {
    const net = new RigNetwork(prefix, await mkdtemp(join(tmpdir(), 'vmshadow-rig-')), forMachine);
    await net.#removeNamespaces();
    try {
      await net.#build();
      await net.#startDelay(rttMs);
    } catch (error) {
      await net.destroy();
      throw error;
    }
    return net;
  }

  /** Cap what the desktop can send, megabits a second: its uplink. */
  async capUplink(mbps: number): Promise<void> {
    await execIn(this.dom0, [
      ...['tc', 'qdisc', 'replace', 'dev', 'up0', 'root', 'tbf'],
      ...['rate', `${mbps}mbit`, 'burst', '512k', 'latency', '50ms'],
    ]);
  }

  /** Change the round trip, milliseconds; packets under way keep theirs. */
  async setRtt(rttMs: number): Promise<void> {
    for (const queue of [1, 2]) await this.#ask(`set ${queue} ${Math.round(rttMs * 500)}`);
  }

  /** Lose this share of the packets each way, 0 to 1; 0 for none. */
  async setLoss(share: number): Promise<void> {
    await execIn(this.wan, ['iptables-legacy', '-F', LOSS_CHAIN]);
    if (share <= 0) return;
    await execIn(this.wan, [
      ...['iptables-legacy', '-A', LOSS_CHAIN, '-m', 'statistic', '--mode', 'random'],
      ...['--probability', share.toFixed(4), '-j', 'DROP'],
    ]);
  }

  /** End every process in the namespaces and remove them. */
  async destroy(): Promise<void> {
    await this.#removeNamespaces();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #all(): string[] {
    return [this.guest, this.dom0, this.wan, this.user];
  }

  async #removeNamespaces(): Promise<void> {
    const known = await runCommand(['ip', 'netns', 'list']);
    const ours = this.#all.filter((ns) => known.split('\n').some((l) => l.split(' ')[0] === ns));
    await endProcessesIn(ours);
    for (const ns of ours) await runCommand(['ip', 'netns', 'delete', ns]);
  }

  async #build(): Promise<void> {
    const { guest, dom0, wan, user } = this;
    await ipBatch(this.#all.map((ns) => `netns add ${ns}`));
    await ipBatch([
      `link add up0 netns ${dom0} type veth peer name site netns ${wan}`,
      `link add eth0 netns ${user} type veth peer name home netns ${wan}`,
    ]);
    if (this.#forMachine) await ipBatch([`tuntap add ${TAP} mode tap`], dom0);
    else await ipBatch([`link add eth0 netns ${guest} type veth peer name ${TAP} netns ${dom0}`]);
    const up = (address: string, device: string) => [
      `addr add ${address} dev ${device}`,
      `link set ${device} up`,
    ];
    const lo = 'link set lo up';
    if (!this.#forMachine)
      await ipBatch(
        [lo, ...up(`${GUEST_ADDRESS}/30`, 'eth0'), `route add default via ${GATEWAY_ADDRESS}`],
        guest,
      );
    await ipBatch(
      [
        lo,
        ...up(`${GATEWAY_ADDRESS}/30`, TAP),
        ...up('192.0.2.2/24', 'up0'),
        `route add default via ${WAN_ADDRESS}`,
      ],
      dom0,
    );
    await ipBatch(
      [
        lo,
        ...up(`${WAN_ADDRESS}/24`, 'site'),
        ...up('198.51.100.1/24', 'home'),
        'addr add 203.0.113.1/24 dev home',
        'route add 10.77.0.0/30 via 192.0.2.2',
      ],
      wan,
    );
    await ipBatch(
      [
        lo,
        ...up(`${USER_ADDRESS}/24`, 'eth0'),
        `addr add ${OTHER_USER_ADDRESS}/24 dev eth0`,
        'route add default via 198.51.100.1',
      ],
      user,
    );
    // No pacing, like the Cubic of most guests, which a namespace may not choose here; the host's own choice may be BBR.
    await execIn(guest, ['sysctl', '-qw', `net.ipv4.tcp_congestion_control=${GUEST_TCP}`]);
    for (const ns of [dom0, wan]) await execIn(ns, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  }

  async #startDelay(rttMs: number): Promise<void> {
    const program = join(imageFolder('wan'), 'vmshadow-wan-delay');
    const half = Math.round(rttMs * 500);
    const argv = inNamespace(this.wan, [program, this.#socket, `1:${half}`, `2:${half}`]);
    const child = startCommand(argv, { stderr: 'inherit' });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the delay line was not ready in time')), READY_MS);
      void child.ended.then((end) => reject(new Error(`the delay line ${howItEnded(end)}`)));
      child.stdout.on('data', (said: Buffer) => {
        if (!said.toString().includes('ready')) return;
        clearTimeout(timer);
        resolve();
      });
    });
    await execIn(this.wan, ['iptables-legacy', '-N', LOSS_CHAIN]);
    await execIn(this.wan, ['iptables-legacy', '-A', 'FORWARD', '-j', LOSS_CHAIN]);
    // Only now: a queue that nobody reads drops.
    const rule = (from: string, to: string, queue: string) =>
      execIn(this.wan, [
        ...['iptables-legacy', '-A', 'FORWARD', '-i', from, '-o', to],
        ...['-j', 'NFQUEUE', '--queue-num', queue],
      ]);
    await rule('site', 'home', '1');
    await rule('home', 'site', '2');
  }

  get #socket(): string {
    return join(this.folder, 'delay.sock');
  }

  async #ask(line: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(this.#socket);
      socket.on('data', () => undefined);
      socket.once('end', resolve);
      socket.once('error', reject);
      socket.write(`${line}\n`);
    });
  }
}
