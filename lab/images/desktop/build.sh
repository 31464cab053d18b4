#!/usr/bin/env bash
# Builds the desktop's disk: an ext4 with Debian's programs and only the files that they need. Usage: SUITE=bookworm MIRROR=URL
# build.sh OUTDIR, an empty folder. Debian packages are extracted, not installed: no maintainer script runs, and it is quick.
set -euo pipefail
out=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vmshadow-desktop.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/debian image=$work/image
# One time stamp for all files: the image depends on the recipe and the packages only.
stamp=1400000000

packages=$(sed 's/#.*//' "$here/packages.txt" | xargs | tr ' ' ,)
mmdebstrap --quiet --variant=extract --mode=root --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' "$SUITE" "$root" "$MIRROR"

programs="/usr/bin/Xtigervnc /usr/bin/xkbcomp /usr/bin/xsetroot /usr/bin/fluxbox /usr/bin/xterm /bin/nano /usr/bin/dillo
  /usr/games/ninvaders /usr/bin/plaympeg"
# Whole folders and files that programs open by name.
data="/etc/fonts /usr/share/fontconfig/conf.avail /usr/share/X11/xkb /etc/X11/app-defaults /etc/X11/fluxbox /usr/share/fluxbox
  /usr/share/X11/locale/C /usr/share/X11/locale/en_US.UTF-8 /usr/share/X11/locale/compose.dir /usr/share/X11/locale/locale.alias
  /usr/share/X11/locale/locale.dir /usr/share/X11/rgb.txt
  /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf /usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
  /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf /usr/lib/locale/C.utf8 /usr/lib/x86_64-linux-gnu/gconv/gconv-modules
  /etc/dillo/dillorc /lib/terminfo /etc/os-release /usr/lib/os-release"

mkdir -p "$image"/{bin,sbin,dev,proc,sys,tmp,run,root,etc,usr/bin,usr/share/vmshadow,var/lib,var/cache/fontconfig}
copy() { (cd "$root" && for path in "$@"; do [ -e ".$path" ] && find ".$path"; done | cpio --quiet -pdm "$image" 2>/dev/null); }
libraries() { chroot "$root" /lib64/ld-linux-x86-64.so.2 --list "$1" 2>/dev/null | grep -o '/[^ ]*' || true; }
copy $programs $data
for program in $programs; do libraries "$program"; done | sort -u | while read -r library; do
  # Every link on the way to the file: libXaw.so.7 -> libXaw7.so.7 -> libXaw7.so.7.0.0.
  while [ -L "$root$library" ]; do
    copy "$library"
    target=$(readlink "$root$library")
    case $target in /*) library=$target ;; *) library=$(dirname "$library")/$target ;; esac
  done
  copy "$library"
done
cp "$root/bin/busybox" "$image/bin/busybox"
chroot "$image" /bin/busybox --install -s /bin
ln -sf /bin/busybox "$image/bin/sh"

install -m 755 "$here/init" "$image/sbin/vms-desktop-init"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$image/etc/passwd"
printf 'root:x:0:\ntty:x:5:\n' >"$image/etc/group"
printf '127.0.0.1 localhost vms-guest\n' >"$image/etc/hosts"
mkdir -p "$image/root/.fluxbox"
printf 'session.screen0.toolbar.visible: true\nsession.styleFile: /usr/share/fluxbox/styles/bloe\nsession.screen0.rootCommand: true\nsession.screen0.focusNewWindows: true\n' >"$image/root/.fluxbox/init"

# The clip: 10 s, 24 frames a second, MPEG-1.
mkdir "$work/frames"
gcc -O2 -Wall -Wextra -o "$work/clip" "$here/clip.c" -lm
"$work/clip" "$work/frames" 240
cat >"$work/frames/parameters" <<TEXT
PATTERN IBBPBBPBBPBB
OUTPUT /frames/clip.mpg
BASE_FILE_FORMAT PPM
INPUT_CONVERT *
GOP_SIZE 12
SLICES_PER_FRAME 1
INPUT_DIR /frames
INPUT
frame.*.ppm [000-239]
END_INPUT
PIXEL HALF
RANGE 10
PSEARCH_ALG LOGARITHMIC
BSEARCH_ALG CROSS2
IQSCALE 6
PQSCALE 8
BQSCALE 12
REFERENCE_FRAME ORIGINAL
FRAME_RATE 24
TEXT
mkdir "$root/frames"
cp -r "$work/frames/." "$root/frames/"
chroot "$root" /usr/bin/ppmtompeg -no_frame_summary /frames/parameters >"$work/ppmtompeg.log" 2>&1 || { tail "$work/ppmtompeg.log"; exit 1; }
cp "$root/frames/clip.mpg" "$image/usr/share/vmshadow/clip.mpg"

# The page: a long text to scroll through.
{
  echo '<html><head><title>A long page</title></head><body><h1>A long page</h1><pre>'
  sed 's/&/\&amp;/g; s/</\&lt;/g' "$root/usr/share/common-licenses/GPL-3"
  echo '</pre></body></html>'
} >"$image/usr/share/vmshadow/page.html"
echo 'Notes:' >"$image/root/notes.txt"

find "$image" -exec touch --no-dereference --date="@$stamp" {} +
truncate -s 512M "$out/disk.raw"
E2FSPROGS_FAKE_TIME=$stamp mkfs.ext4 -q -F -U 6b0c1b5e-8f0a-4c64-9a63-1d7a1c3e0003 -L vms-desktop -d "$image" \
  -E lazy_itable_init=0,lazy_journal_init=0,hash_seed=6b0c1b5e-8f0a-4c64-9a63-1d7a1c3e0004 "$out/disk.raw"
du -sm --apparent-size "$image" | cut -f1 >"$out/content-mb"
