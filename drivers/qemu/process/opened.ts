// What a QEMU is given open, so that its user needs no right to it: the tap, and what its guest boots from.
/** What perl must not close: three descriptors are standard, the rest is what we open. */
const FIRST_OPENED = 3;
/**
 * Opens a tap (linux/if_tun.h: TUNSETIFF with IFF_TAP, IFF_NO_PI and IFF_VNET_HDR, as QEMU does it) and files, in this order, and runs a
 * program with them. In perl, which every Debian has: node cannot do an ioctl.
 */
const OPEN_AND_RUN = `
use strict; $^F = 255;
my ($tap, $count, @argv) = @ARGV;
my @files = splice @argv, 0, $count;
sysopen(my $tun, '/dev/net/tun', 2) or die "cannot open /dev/net/tun: $!\\n";
ioctl($tun, 0x400454ca, pack('a16 s x22', $tap, 0x5002)) or die "cannot open the tap $tap: $!\\n";
my @kept = ($tun);
for (@files) { open(my $file, '<', $_) or die "cannot open $_: $!\\n"; push @kept, $file; }
fileno($kept[$_]) == $_ + ${FIRST_OPENED} or die "descriptor $_ is in use\\n" for 0 .. $#kept;
exec { $argv[0] } @argv or die "cannot run $argv[0]: $!\\n";`;

/** Descriptors of a program that was started by `withOpened`. */
export const TAP_DESCRIPTOR = FIRST_OPENED;
/** The path under which such a program reads the file of that index, wherever it lies. */
export const openedPath = (index: number): string => `/proc/self/fd/${String(FIRST_OPENED + 1 + index)}`;

/** Let `argv` start with a tap and files that were opened as root: it needs no right to the tap, nor to the folders above the files. */
export function withOpened(tap: string, files: readonly string[], argv: readonly string[]): string[] {
  return ['perl', '-e', OPEN_AND_RUN, tap, String(files.length), ...files, ...argv];
}
