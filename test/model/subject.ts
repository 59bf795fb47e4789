import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** One line of the operator's source, to be replaced. */
export interface Edit {
  /** Below src. */
  readonly file: string;
  /** The whole line without its indentation; there must be exactly one. */
  readonly line: string;
  readonly replacement: string;
}

/**
 * What is checked: the operator's own code, from the reconciler down. Only `memories` is not in the source: what the
 * reconciler remembers of its objects is handed in, so that one moment can go on in many ways.
 */
export interface Subject {
  readonly createReconciler: (
    deps: Parameters<typeof import('../../src/reconcile/reconciler.ts').createReconciler>[0] & {
      readonly memories: Map<string, object>;
    },
  ) => ReturnType<typeof import('../../src/reconcile/reconciler.ts').createReconciler>;
  readonly Memory: typeof import('../../src/reconcile/history.ts').Memory;
  readonly Claims: typeof import('../../src/reconcile/claims.ts').Claims;
  readonly NamespaceQuota: typeof import('../../src/reconcile/namespace-quota.ts').NamespaceQuota;
  readonly DeleteBudget: typeof import('../../src/reconcile/delete-budget.ts').DeleteBudget;
  readonly KubeError: typeof import('../../src/kube/errors.ts').KubeError;
  readonly Secret: typeof import('../../src/model/secret.ts').Secret;
  readonly createSnapshot: typeof import('../../src/provider/account/snapshot.ts').createSnapshot;
  readonly afterList: typeof import('../../src/provider/account/absence.ts').afterList;
  readonly findChanges: typeof import('../../src/provider/account/snapshot.ts').findChanges;
}

const handedIn: Edit = {
  file: 'reconcile/reconciler.ts',
  line: 'const memories = new Map<string, Memory>();',
  replacement: 'const { memories } = deps as unknown as { readonly memories: Map<string, Memory> };',
};

/** Loads the operator's code, with the edits made to it. They are made to a copy, which is gone when this resolves. */
export async function loadSubject(edits: readonly Edit[] = []): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'vps247-model-'));
  try {
    await cp(join(import.meta.dirname, '../../src'), folder, { recursive: true });
    for (const edit of [...edits, handedIn]) await change(folder, edit);
    await openUp(join(folder, 'reconcile/history.ts'));
    // `as`: types are erased, so what is loaded has those of the source it was copied from.
    const load = async (file: string): Promise<Subject> =>
      (await import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href)) as Subject;
    const files = [
      'reconcile/reconciler.ts',
      'reconcile/history.ts',
      'reconcile/claims.ts',
      'reconcile/namespace-quota.ts',
      'reconcile/delete-budget.ts',
      'kube/errors.ts',
      'model/secret.ts',
      'provider/account/snapshot.ts',
      'provider/account/absence.ts',
    ];
    // `as`: the parts of an object are the object.
    return Object.assign({}, ...(await Promise.all(files.map(load)))) as Subject;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function change(folder: string, { file, line, replacement }: Edit): Promise<void> {
  const path = join(folder, file);
  const lines = (await readFile(path, 'utf8')).split('\n');
  const places = lines.flatMap((text, index) => (text.trim() === line ? [index] : []));
  const [place] = places;
  if (place === undefined || places.length > 1) throw new Error(`src/${file} has ${places.length} lines "${line}"`);
  lines[place] = replacement;
  await writeFile(path, lines.join('\n'));
}

/** Private fields become fields of their own, for a state holds a copy of them. */
async function openUp(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll(/#(?=[a-z])/gi, '_'));
}
