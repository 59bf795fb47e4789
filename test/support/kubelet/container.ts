import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { V1Container, V1EnvVar } from '@kubernetes/client-node';
import { type Account, homeOf, type Image } from './image.ts';

export interface ContainerOptions {
  readonly spec: V1Container;
  readonly image: Image;
  /** The Pod's one address, where it listens in place of all addresses. */
  readonly address: string;
  /** Variables that Kubernetes adds. */
  readonly variables: Readonly<Record<string, string>>;
  readonly account: Account;
  /** A folder of this machine, and where the container finds it. */
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

/**
 * Runs in separate mount and PID namespaces. Mounts the image's root file system read-only, with the given folder, a /proc of the
 * container alone, and the devices that every container has. Then it prints its process id in the host's namespace and executes
 * the program. A symbolic link in the image must not lead a mount out of it.
 */
const enter = `root=$(realpath "$1") source=$2 target=$3
shift 3
for place in /proc /dev "$target"; do
  case $(realpath --canonicalize-missing "$root$place") in "$root"/*) ;; *) echo "$place leads out of the image" >&2; exit 1 ;; esac
done
mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev" "$root$target"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,noexec,mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$source" "$root$target"
for place in "$target" /dev ''; do mount -o remount,bind,ro "$root$place"; done
read -r pid rest < /proc/self/stat
echo "$pid" >&3
exec 3>&-
exec "$@"`;

/** A container's process in the image's root file system, held to what the restricted Pod Security level asks for. */
export class Container {
  readonly startedAt = new Date();
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #pid: number | undefined;
  #isKilled = false;
  #hasEnded = false;

  /** Resolves when its program runs; or has ended, if that could not be. */
  static async start(options: ContainerOptions): Promise<Container> {
    demandRestricted(options.spec);
    const container = new Container(options);
    await container.#entered();
    return container;
  }

  private constructor(options: ContainerOptions) {
    const { spec, image, address, mount, account, logFile } = options;
    const { command = image.entrypoint, args = [], workingDir = image.workingDirectory } = spec;
    const here = (text: string): string => text.replace(/^(?=:\d+$)/, address);
    const env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: homeOf(image, account),
      ...image.env,
      ...options.variables,
      ...Object.fromEntries((spec.env ?? []).map((one) => [one.name, here(valueOf(one))])),
    };
    const { user, group } = account;
    const isRoot = process.getuid?.() === 0;
    // Without root it runs in a user namespace, where a second one has the other user. Root keeps no capability except those
    // that the last of these programs needs to enter, which stay out of its reach.
    const namespaces = isRoot ? [] : ['--user', '--map-root-user'];
    const capabilities = isRoot ? ['--inh-caps=-all', '--bounding-set=-all,+sys_chroot,+setuid,+setgid'] : [];
    const identity = isRoot
      ? [`--setuid=${user}`, `--setgid=${group}`]
      : ['--user', `--map-user=${user}`, `--map-group=${group}`];
    const isolation = [...namespaces, '--mount', '--pid', '--ipc', '--fork', '--propagation', 'private', '--'];
    const setUp = ['sh', '-euc', enter, 'enter', image.root, mount.source, mount.target];
    const become = ['setpriv', '--no-new-privs', ...capabilities];
    const inside = ['unshare', ...identity, `--root=${image.root}`, `--wd=${workingDir}`, '--'];
    const program = [...command, ...args.map(here)];
    // Each of these is replaced by the next but the first, which lasts as long as the container does and ends as it does.
    this.#child = spawn('unshare', [...isolation, ...setUp, ...become, ...inside, ...program], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    writeFileSync(logFile.replace(/\.log$/, '.process.json'), JSON.stringify({ args: program, env }, null, 1));
    const log = createWriteStream(logFile);
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.ended = once(this.#child, 'close').then(() => {
      const { exitCode: code, signalCode } = this.#child;
      // unshare cannot end by this signal as it does by others.
      const signal = this.#isKilled ? 'SIGKILL' : signalCode;
      this.#hasEnded = true;
      log.end();
      return code === null || signal !== null
        ? { exitCode: 128 + signals[signal ?? 'SIGKILL'], signal: signals[signal ?? 'SIGKILL'] }
        : { exitCode: code };
    });
  }

  /** Of the container's first process, as this machine counts. Undefined when it runs no more. */
  get pid(): number | undefined {
    return this.#hasEnded ? undefined : (this.#pid ?? this.#child.pid);
  }

  /** SIGTERM, and SIGKILL when the grace period is over. Resolves when it has ended. */
  async end(graceMilliseconds: number): Promise<Ended> {
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMilliseconds);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }

  /** SIGKILL, as when memory has run out. Resolves when it has ended. */
  async kill(): Promise<Ended> {
    this.#signal('SIGKILL');
    return this.ended;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGKILL') this.#isKilled = true;
    try {
      if (this.pid !== undefined) process.kill(this.pid, signal);
    } catch {
      // It has just ended.
    }
  }

  async #entered(): Promise<void> {
    const pipe = this.#child.stdio[3] as Readable; // it was asked for
    let text = '';
    for await (const chunk of pipe) {
      text += String(chunk);
      // The end of the pipe is that of the container.
      if (text.endsWith('\n')) break;
    }
    if (text !== '') this.#pid = Number(text);
  }
}

/** What a container is held to here, whether its Pod asks for it or not; one that asks for less is not known. */
function demandRestricted({ securityContext: asked, name }: V1Container): void {
  const isRestricted =
    asked?.readOnlyRootFilesystem === true &&
    asked.allowPrivilegeEscalation === false &&
    asked.capabilities?.drop?.includes('ALL') === true &&
    asked.capabilities.add === undefined;
  if (!isRestricted) throw new Error(`Container ${name}: only restricted ones that write no file are known here.`);
}

function valueOf({ name, value = '', valueFrom }: V1EnvVar): string {
  if (valueFrom !== undefined) throw new Error(`Variable ${name}: only plain values are known here.`);
  return value;
}
