/* Draws the frames of the desktop's video as PPM files: clip OUTDIR FRAMES. A moving plasma behind bouncing discs: every pixel changes
 * in every frame, as in a film, and the last frame leads to the first, so that the loop shows no jump. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 320
#define HEIGHT 240
#define DISCS 6

static unsigned char frame[HEIGHT][WIDTH][3];

static void draw(double turn) {
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      const double v = sin(x / 37.0 + turn) + sin(y / 29.0 - 2 * turn) + sin((x + y) / 51.0 + 3 * turn);
      frame[y][x][0] = (unsigned char)(110 + 45 * sin(v * 1.3));
      frame[y][x][1] = (unsigned char)(90 + 40 * sin(v * 1.1 + 2));
      frame[y][x][2] = (unsigned char)(130 + 50 * cos(v));
    }
  for (int d = 0; d < DISCS; d++) {
    const double cx = WIDTH / 2 + (WIDTH / 2 - 30) * sin((d % 3 + 1) * turn + d), cy = HEIGHT / 2 + (HEIGHT / 2 - 30) * cos((d % 2 + 1) * turn + 2 * d);
    for (int y = (int)cy - 22; y <= (int)cy + 22; y++)
      for (int x = (int)cx - 22; x <= (int)cx + 22; x++)
        if (y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH && hypot(x - cx, y - cy) < 22) {
          frame[y][x][0] = (unsigned char)(d * 40 + 40);
          frame[y][x][1] = (unsigned char)(250 - d * 35);
          frame[y][x][2] = (unsigned char)(d % 2 ? 230 : 60);
        }
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  const int frames = atoi(argv[2]);
  for (int i = 0; i < frames; i++) {
    char path[4096];
    draw(2 * M_PI * i / frames);
    snprintf(path, sizeof path, "%s/frame.%03d.ppm", argv[1], i);
    FILE *f = fopen(path, "wb");
    if (!f) return 1;
    fprintf(f, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
    fwrite(frame, sizeof frame, 1, f);
    if (fclose(f)) return 1;
  }
  return 0;
}
