// Holds a folder's lock, starts a program that outlives it, says that one's process ID, and waits to be killed.
import { startCommand } from '../../../os/start-command.js';
import { lockFolder } from '../../../os/folder-lock.js';

lockFolder(process.argv[2] ?? '');
const child = startCommand(['sleep', '600'], { detached: true, stdout: 'ignore', stderr: 'ignore' });
console.log(child.pid);
setInterval(() => undefined, 60_000);
