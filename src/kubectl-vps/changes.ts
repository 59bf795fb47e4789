import type { Context } from './context.ts';
import { Failure } from './failure.ts';
import { keyOf, resource, type Vm } from './objects.ts';

/** A merge patch; null removes a field. */
export interface Patch {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string | null>>;
    /** The patch fails if the object has changed since it was read. */
    readonly resourceVersion?: string;
  };
}

const fieldManager = 'kubectl-vps';

/**
 * Sends a patch; with `--dry-run` the API server checks it and stores nothing. Throws a Failure if it wasn't stored as sent,
 * and a Conflict if another object has replaced the one that was read.
 */
export async function change({ kubectl, options }: Context, vm: Vm, patch: Patch): Promise<Vm> {
  const { name, namespace, uid } = vm.metadata;
  const ofThisObject = { ...patch, metadata: { ...patch.metadata, uid } };
  const stored = await kubectl.json<Vm>([
    'patch',
    resource,
    name,
    `--namespace=${namespace}`,
    '--type=merge',
    `--patch=${JSON.stringify(ofThisObject)}`,
    `--field-manager=${fieldManager}`,
    ...(options['dry-run'] === true ? ['--dry-run=server'] : []),
  ]);
  const lost = pathsOf(patch).find(([path, value]) => !isSame(valueAt(stored, path), value));
  if (lost === undefined) return stored;
  throw new Failure(
    `The API server didn't store ${pathText(lost[0])} of ${keyOf(vm)}: its CRD is older than this plugin, or an admission policy removed it.`,
  );
}

type Path = readonly string[];

/** The fields that the patch sets, each with its value. */
function pathsOf(patch: Patch): readonly (readonly [Path, unknown])[] {
  const { spec = {}, metadata } = patch;
  return [
    ...Object.entries(spec).map(([key, value]) => [['spec', key], value] as const),
    ...Object.entries(metadata?.annotations ?? {}).map(
      ([key, value]) => [['metadata', 'annotations', key], value] as const,
    ),
  ];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((current, key) => (isRecord(current) ? current[key] : undefined), value);
}

/** Whether what was stored has everything that was sent; defaults may have been added. */
function isSame(stored: unknown, sent: unknown): boolean {
  if (sent === null) return stored === undefined || stored === null;
  if (isRecord(sent))
    return isRecord(stored) && Object.entries(sent).every(([key, value]) => isSame(stored[key], value));
  return stored === sent;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const pathText = (path: Path): string => (path[1] === 'annotations' ? `the annotation ${path[2]}` : path.join('.'));

/** Field managers of GitOps tools. */
const gitOpsTools: Readonly<Record<string, string>> = {
  'argocd-controller': 'Argo CD',
  'argocd-application-controller': 'Argo CD',
  'kustomize-controller': 'Flux',
  'helm-controller': 'Flux',
};

/** The GitOps tool that manages a field, or any field of the object without a path. */
export function gitOpsToolOf({ metadata }: Vm, path?: Path): string | undefined {
  for (const { manager = '', fieldsV1 } of metadata.managedFields ?? []) {
    const tool = Object.hasOwn(gitOpsTools, manager) ? gitOpsTools[manager] : undefined;
    if (tool === undefined) continue;
    if (
      path === undefined ||
      valueAt(
        fieldsV1,
        path.map((key) => `f:${key}`),
      ) !== undefined
    )
      return tool;
  }
  return undefined;
}

/** Warns about each field of the patch that a GitOps tool will change back. */
export function warnOfGitOps({ screen }: Context, vm: Vm, patch: Patch): void {
  for (const [path] of pathsOf(patch)) {
    const tool = gitOpsToolOf(vm, path);
    if (tool !== undefined)
      screen.note(
        `Warning: ${tool} manages ${pathText(path)} of ${keyOf(vm)} and reverts this change at its next sync. Change it in Git.`,
      );
  }
}
