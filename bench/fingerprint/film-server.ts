// The stand-in for YouTube: an HTTP server on the wan that sends the lab's clip, as a process of its own in that namespace.
import { once } from 'node:events';
import { join } from 'node:path';
import { desktopImage } from '../../lab/images/locate.js';
import { inNamespace } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { startCommand, type StartedCommand } from '../../os/start-command.js';
import { FILM_PORT } from './desktop.js';
import type { RigNetwork } from './network.js';

/** One endless film: the clip again and again, without the code that ends an MPEG sequence. */
const SERVER = `
const { createServer } = require('node:http');
const { readFileSync } = require('node:fs');
const [, file, port] = process.argv;
const clip = readFileSync(file);
const ends = clip.readUInt32BE(clip.length - 4) === 0x1b7;
const film = ends ? clip.subarray(0, clip.length - 4) : clip;
createServer((request, response) => {
  const more = () => { while (response.write(film)); };
  response.on('drain', more);
  more();
}).listen(Number(port), () => console.log('ready'));
`;

export class FilmServer {
  readonly #child: StartedCommand;

  private constructor(child: StartedCommand) {
    this.#child = child;
  }

  /** Start the server; the clip is taken out of the desktop's image. */
  static async start(net: RigNetwork): Promise<FilmServer> {
    const clip = join(net.folder, 'clip.mpg');
    await runCommand(['debugfs', '-R', `dump /usr/share/vmshadow/clip.mpg ${clip}`, desktopImage().disk]);
    const argv = inNamespace(net.wan, [process.execPath, '-e', SERVER, clip, `${FILM_PORT}`]);
    const child = startCommand(argv, { stderr: 'inherit' });
    await once(child.stdout, 'data');
    return new FilmServer(child);
  }

  /** End it. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#child.ended;
  }
}
