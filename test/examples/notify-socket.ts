/**
 * The receiving end of sd_notify(3), as a service manager has it: a unix datagram socket, bound by
 * a small Python program because Node has none. It answers barriers by closing what they carry.
 * Deliberately unknown here: what the words mean, and who says them.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';

const RECEIVER = `
import os, socket, struct, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    said, extras, _, _ = receiver.recvmsg(65536, 4096)
    for level, kind, data in extras:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for file in struct.unpack('%di' % (len(data) // 4), data): os.close(file)
    if said != b'BARRIER=1':
        print(said.decode().strip().replace('\\n', ' | '), flush=True)
`;

/** Why nothing can be said to a service manager here, or false. */
export function whyNoNotify(): string | false {
  for (const program of ['systemd-notify', 'python3']) {
    const tried = spawnSync(program, ['--version']);
    if (tried.error !== undefined) return `${program} is not installed`;
  }
  return false;
}

/** A socket that hears. */
export class NotifySocket {
  /** Each message as one line, its words parted by ` | `. */
  readonly said: string[] = [];
  readonly path: string;
  readonly #receiver: ChildProcess;
  readonly #bound = new EventEmitter();
  #isBound = false;

  constructor(path: string) {
    this.path = path;
    this.#receiver = spawn('python3', ['-c', RECEIVER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    this.#receiver.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      // Its first line says that it is bound, and may come in pieces.
      if (!this.#isBound && lines.length > 0) {
        lines.shift();
        this.#isBound = true;
        this.#bound.emit('bound');
      }
      this.said.push(...lines);
    });
  }

  /** Resolves when it is bound. */
  async open(): Promise<void> {
    if (!this.#isBound) await once(this.#bound, 'bound');
  }

  /** How many messages said `word`. */
  count(word: string): number {
    return this.said.filter((line) => line.split(' | ').includes(word)).length;
  }

  close(): void {
    this.#receiver.kill();
  }
}
