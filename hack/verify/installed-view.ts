/**
 * What the operator's process can see and do in its container, as seen by a second process there, which is started like
 * `kubectl exec`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Image } from '../../test/support/kubelet/image.ts';

interface View {
  /** The operator's program with its arguments. */
  readonly command: readonly string[];
  readonly program: string;
  readonly workingDirectory: string;
  /** As /proc/1/status has them. */
  readonly status: Readonly<Record<string, string>>;
  readonly top: readonly string[];
  readonly passwd: string;
  /** Those of the given host files that exist in the container. */
  readonly found: readonly string[];
  /** The result of writing a file into each folder. */
  readonly written: Readonly<Record<string, string>>;
  /** Processes other than the operator and the inspecting one. */
  readonly others: readonly string[];
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Run by the image's own Node. */
const look = `
const { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } = require('node:fs');
const attempt = (folder) => {
  try {
    writeFileSync(folder + '/new', '');
    return 'written';
  } catch (error) {
    return error.code;
  }
};
const [folders, files] = JSON.parse(process.argv[1]);
console.log(JSON.stringify({
  command: readFileSync('/proc/1/cmdline', 'utf8').split('\\0').slice(0, -1),
  program: readlinkSync('/proc/1/exe'),
  workingDirectory: readlinkSync('/proc/1/cwd'),
  status: Object.fromEntries(readFileSync('/proc/1/status', 'utf8').trim().split('\\n').map((line) => line.split(':\\t'))),
  top: readdirSync('/'),
  passwd: readFileSync('/etc/passwd', 'utf8'),
  found: files.filter((file) => existsSync(file)),
  written: Object.fromEntries(folders.map((folder) => [folder, attempt(folder)])),
  others: readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && ![1, process.pid].includes(Number(name))),
}));`;

function viewFrom(
  pid: number,
  { entrypoint: [node = ''], account: { user, group } }: Image,
  files: readonly string[],
): View {
  const enter = [
    '--target',
    String(pid),
    '--mount',
    '--pid',
    '--root',
    '--wd=/',
    '--setuid',
    String(user),
    '--setgid',
    String(group),
  ];
  const folders = ['', '/app', '/dev', '/etc', '/home/nonroot', '/tmp', account];
  const program = [node, '--eval', look, JSON.stringify([folders, files])];
  return JSON.parse(execFileSync('nsenter', [...enter, '--', ...program], { encoding: 'utf8' })) as View; // `as`: the format that the script prints.
}

/** Every deviation in the operator's container, a sentence each. */
export function flawsIn(pid: number, image: Image): readonly string[] {
  const files = [
    process.execPath,
    import.meta.filename,
    '/bin/sh',
    '/etc/debian_version',
    '/proc/1/root/etc/debian_version',
  ];
  const view = viewFrom(pid, image, files);
  const { command, status, top, written } = view;
  const must: readonly (readonly [what: string, is: unknown, should: unknown])[] = [
    ['the program', view.program, image.entrypoint[0]],
    ['the command', command.slice(0, image.entrypoint.length), image.entrypoint],
    ['the working directory', view.workingDirectory, image.workingDirectory],
    ['its user', status['Uid'], Array.from({ length: 4 }, () => image.account.user).join('\t')],
    ['its group', status['Gid'], Array.from({ length: 4 }, () => image.account.group).join('\t')],
    ['its other groups', status['Groups']?.trim(), ''],
    [
      'its capabilities',
      [status['CapPrm'], status['CapEff'], status['CapInh'], status['CapAmb']].join(),
      `${'0'.repeat(16)},`.repeat(4).slice(0, -1),
    ],
    ['new privileges', status['NoNewPrivs'], '1'],
    ['the folders of the root', top.toSorted(), readdirSync(image.root).toSorted()],
    ['/etc/passwd', view.passwd, readFileSync(path.join(image.root, 'etc/passwd'), 'utf8')],
    ['files of this machine', view.found, []],
    ['folders it can write to', Object.keys(written).filter((folder) => written[folder] !== 'EROFS'), []],
    ['other processes', view.others, []],
  ];
  return must.flatMap(([what, is, should]) =>
    JSON.stringify(is) === JSON.stringify(should)
      ? []
      : [`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(should)}`],
  );
}
