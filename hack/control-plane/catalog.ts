/** The programs of a control plane and the tools that are built like them, and where those of this machine's user are kept. */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** One program, and what its first build costs. */
interface Program {
  /** The folder beside this file whose go.mod pins it and its dependencies. */
  readonly pinnedBy: 'actionlint' | 'etcd' | 'gitops' | 'gojq' | 'kubernetes' | 'prometheus' | 'prometheus-operator';
  /** `.` for a program of ours, whose source is beside its go.mod. */
  readonly package: string;
  /** The module whose version is the program's own. */
  readonly module: string;
  /** Names the cached folder, where that is not the go.mod's own. */
  readonly product?: string;
  /** The variable with the version of the program. */
  readonly stamp?: string;
  /** Build tags, with commas between them. */
  readonly tags?: string;
  /** How long a build took on two cores, after those in the lines above it. */
  readonly seconds: number;
  /** What Go's caches grow by when nothing is there yet, with a fifth to spare. */
  readonly gigabytes: number;
  /** Whether KUBEBUILDER_ASSETS, when set, must or may hold it. Default: it doesn't belong to a control plane, and isn't taken from there. */
  readonly inAssets?: 'required' | 'optional';
}

const programs = {
  etcd: {
    pinnedBy: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    module: 'go.etcd.io/etcd/server/v3',
    seconds: 60,
    gigabytes: 1,
    inAssets: 'required',
  },
  'kube-apiserver': {
    pinnedBy: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    module: 'k8s.io/kubernetes',
    stamp: 'k8s.io/component-base/version.gitVersion',
    seconds: 510,
    gigabytes: 4,
    inAssets: 'required',
  },
  'kube-controller-manager': {
    pinnedBy: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    module: 'k8s.io/kubernetes',
    stamp: 'k8s.io/component-base/version.gitVersion',
    seconds: 150,
    gigabytes: 5,
    inAssets: 'optional',
  },
  kubectl: {
    pinnedBy: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kubectl',
    module: 'k8s.io/kubernetes',
    stamp: 'k8s.io/component-base/version.gitVersion',
    seconds: 45,
    gigabytes: 2,
    inAssets: 'required',
  },
  helm: {
    pinnedBy: 'kubernetes',
    package: 'helm.sh/helm/v4/cmd/helm',
    module: 'helm.sh/helm/v4',
    product: 'helm',
    stamp: 'helm.sh/helm/v4/internal/version.version',
    seconds: 180,
    gigabytes: 3,
  },
  // What tools of GitOps make of objects, by their libraries: for tests.
  gitops: {
    pinnedBy: 'gitops',
    package: '.',
    module: 'sigs.k8s.io/cli-utils',
    seconds: 12,
    gigabytes: 1,
  },
  // For commands of docs pages, which tests run: a jq in Go.
  jq: {
    pinnedBy: 'gojq',
    package: 'github.com/itchyny/gojq/cmd/gojq',
    module: 'github.com/itchyny/gojq',
    seconds: 10,
    gigabytes: 1,
  },
  actionlint: {
    pinnedBy: 'actionlint',
    package: 'github.com/rhysd/actionlint/cmd/actionlint',
    module: 'github.com/rhysd/actionlint',
    seconds: 20,
    gigabytes: 1,
  },
  // Without the clouds' service discovery, whose SDKs would take most of the build, and, as Go modules come, without web pages.
  promtool: {
    pinnedBy: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    module: 'github.com/prometheus/prometheus',
    tags: 'remove_all_sd',
    seconds: 150,
    gigabytes: 2,
  },
  // From the same sources, without service discovery and without a web interface.
  prometheus: {
    pinnedBy: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    module: 'github.com/prometheus/prometheus',
    tags: 'remove_all_sd',
    seconds: 90,
    gigabytes: 3,
  },
  // Makes the Prometheus Operator's CustomResourceDefinitions of its API, which the same go.mod pins: for what `npm run verify` applies.
  'controller-gen': {
    pinnedBy: 'prometheus-operator',
    package: 'sigs.k8s.io/controller-tools/cmd/controller-gen',
    module: 'sigs.k8s.io/controller-tools',
    product: 'controller-gen',
    seconds: 50,
    gigabytes: 1,
  },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/** How one program is built, and where it goes. */
export interface Recipe extends Program {
  readonly name: ProgramName;
  /** `v1.37.2`, read from go.mod. */
  readonly version: string;
  /** Where `go build` runs. */
  readonly moduleFolder: string;
  /** Flags of `go build`, the package not among them. */
  readonly flags: readonly string[];
  /** The user's cache of all that go.mod, go.sum, flags and this kind of machine determine: other versions lie beside it. */
  readonly folder: string;
}

export function recipeOf(name: ProgramName, env: NodeJS.ProcessEnv): Recipe {
  const program: Program = programs[name];
  const moduleFolder = join(import.meta.dirname, program.pinnedBy);
  const [goMod, goSum, source] = ['go.mod', 'go.sum', 'main.go'].map((file) => readIfThere(join(moduleFolder, file)));
  const version = new RegExp(String.raw`^\s*${program.module} (v\S+)`, 'm').exec(goMod ?? '')?.[1] ?? 'v0.0.0';
  const stamp = program.stamp === undefined ? '' : ` -X ${program.stamp}=${version}`;
  const tags = program.tags === undefined ? [] : ['-tags', program.tags];
  const flags = ['-mod=readonly', '-trimpath', ...tags, '-ldflags', `-s -w${stamp}`];
  const key = createHash('sha256')
    .update(`${goMod}\n${goSum}\n${source}${flags.join(' ')}`)
    .digest('hex')
    .slice(0, 12);
  const folder = `${program.product ?? program.pinnedBy}-${version}-${process.platform}-${process.arch}-${key}`;
  return {
    ...program,
    name,
    version,
    moduleFolder,
    flags,
    folder: join(cacheFolder(env), folder),
  };
}

/** Of this machine's user. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache');
  return join(cache, 'vps247-operator', 'control-plane');
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Only programs that are built here have a source. */
function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The oldest Go that the go.mod files accept: `1.26.0`. */
export function goVersionFor({ moduleFolder }: Recipe): string {
  return /^go (\S+)/m.exec(readFileSync(join(moduleFolder, 'go.mod'), 'utf8'))?.[1] ?? '1.26.0';
}
