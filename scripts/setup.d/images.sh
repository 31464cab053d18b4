# Guest images and the lab's own programs, each built by the build.sh of its recipe folder into a cache folder named by the hash of that
# folder's files: a changed recipe is a new image, an unchanged one is never built twice. lab/images/locate.ts computes the same names.

IMAGE_KINDS="base small desktop wan"
image_recipe() { case $1 in wan) echo lab/wan ;; *) echo "lab/images/$1" ;; esac; }
image_hash() { (cd "$(image_recipe "$1")" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16; }
image_path() { echo "$CACHE/images/$1-$(image_hash "$1")"; }
image_done() { [ -d "$(image_path "$1")" ]; }
images_done() { local kind; for kind in $IMAGE_KINDS; do image_done "$kind" || return 1; done; }
images_json() { local kind sep=; for kind in $IMAGE_KINDS; do image_done "$kind" || continue; printf '%s"%s":"%s"' "$sep" "$kind" "$(image_path "$kind")"; sep=,; done; }

images_install() {
  local log=$1 kind
  for kind in $IMAGE_KINDS; do image_done "$kind" || build_image "$kind" "$log"; done
  remove_old_images
}

build_image() {
  local kind=$1 log=$2 path begun=$SECONDS
  path=$(image_path "$kind")
  mkdir -p "$CACHE/images"
  say images "building $kind$([ "$kind" = desktop ] && echo ' (Debian with a VNC server: about a minute)')"
  rm -rf "$path.part"
  mkdir "$path.part"
  SUITE=$(distribution) MIRROR=$(apt_mirror) bash "$(image_recipe "$kind")/build.sh" "$path.part" >>"$log" 2>&1
  mv "$path.part" "$path"
  say images "$kind built in $((SECONDS - begun)) s: $path"
}

# Images of recipes that nobody has looked at for two weeks (locate.ts touches what it finds).
remove_old_images() { find "$CACHE/images" -mindepth 1 -maxdepth 1 -type d -mtime +14 -exec rm -rf {} +; }
