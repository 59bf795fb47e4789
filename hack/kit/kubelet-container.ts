import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { V1Container, V1EnvVar } from '@kubernetes/client-node';

/** What stands in for an image. */
export interface Image {
  /** On this machine, and readable by everybody. */
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ContainerOptions {
  readonly spec: V1Container;
  readonly image: Image;
  /** The Pod's one address, in place of 0.0.0.0. */
  readonly address: string;
  /** Variables that Kubernetes adds. */
  readonly variables: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  /** A folder of this machine, and where the container finds it, somewhere below /var/run. */
  readonly mount: { readonly source: string; readonly target: string };
  /** `….log`; beside it goes what it was started with, `….process.json`. */
  readonly logFile: string;
}

/** Why a container ended. */
export interface Ended {
  readonly exitCode: number;
  readonly signal?: number;
}

const { signals } = constants;

/** Made in a mount namespace of its own: /var/run is empty but for the folder, and nothing of this machine can be written to. */
const enter = `mount -t tmpfs -o mode=755 tmpfs /var/run
mkdir -p "$2"
mount --bind "$1" "$2"
shift 2
mount -o remount,bind,ro /
exec "$@"`;

/** A container's process, held to what the restricted Pod Security level asks for. */
export class Container {
  readonly startedAt = new Date();
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #hasEnded = false;

  constructor(options: ContainerOptions) {
    const { spec, image, address, mount, user, group, logFile } = options;
    const { command = image.entrypoint, args = [] } = spec;
    const here = (text: string): string => text.replaceAll('0.0.0.0', address);
    const env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/nonexistent',
      ...image.env,
      ...options.variables,
      ...Object.fromEntries((spec.env ?? []).map((one) => [one.name, here(valueOf(one))])),
    };
    const isRoot = process.getuid?.() === 0;
    const [namespaces, become] = isRoot
      ? [
          [],
          [
            'setpriv',
            `--reuid=${user}`,
            `--regid=${group}`,
            '--clear-groups',
            '--bounding-set=-all',
            '--inh-caps=-all',
          ],
        ]
      : // Whoever is not root is so in a user namespace, where a second one has the other user.
        [
          ['--user', '--map-root-user'],
          ['unshare', '--user', `--map-user=${user}`, `--map-group=${group}`, 'setpriv'],
        ];
    const program = [...become, '--no-new-privs', ...command, ...args.map(here)];
    // Each of these programs is replaced by the next: the process is the container's own in the end.
    const sandbox = [
      '--mount',
      '--propagation',
      'private',
      '--',
      'sh',
      '-ec',
      enter,
      'enter',
      mount.source,
      mount.target,
    ];
    this.#child = spawn('unshare', [...namespaces, ...sandbox, ...program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    writeFileSync(logFile.replace(/\.log$/, '.process.json'), JSON.stringify({ args: program, env }, null, 1));
    const log = createWriteStream(logFile);
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.ended = once(this.#child, 'close').then(() => {
      const { exitCode: code, signalCode: signal } = this.#child;
      this.#hasEnded = true;
      log.end();
      return code === null
        ? { exitCode: 128 + signals[signal ?? 'SIGKILL'], signal: signals[signal ?? 'SIGKILL'] }
        : { exitCode: code };
    });
  }

  /** Undefined when it runs no more. */
  get pid(): number | undefined {
    return this.#hasEnded ? undefined : this.#child.pid;
  }

  /** SIGTERM, and SIGKILL when the grace period is over. Resolves when it has ended. */
  async end(graceMilliseconds: number): Promise<Ended> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMilliseconds);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }

  /** SIGKILL, as when memory has run out. Resolves when it has ended. */
  async kill(): Promise<Ended> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }
}

function valueOf({ name, value = '', valueFrom }: V1EnvVar): string {
  if (valueFrom !== undefined) throw new Error(`Variable ${name}: only plain values are known here.`);
  return value;
}
