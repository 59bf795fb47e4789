import { cp, glob, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountOptions } from '../../src/provider/account/account-core.ts';
import { makeMistake, type Mistake } from '../../hack/mutants/mistake.ts';
import type { OpenAccount } from './world/open-account.ts';

/**
 * What is checked: the operator's own code, from the reconciler down. Only `objectStates` is not in the source: the
 * states of the reconciler's objects are handed in, so that one moment can go on in many ways.
 */
export interface Subject {
  readonly createReconciler: (
    deps: Parameters<typeof import('../../src/reconcile/reconciler.ts').createReconciler>[0] & {
      readonly objectStates: Map<string, object>;
    },
  ) => ReturnType<typeof import('../../src/reconcile/reconciler.ts').createReconciler>;
  readonly ObjectState: typeof import('../../src/reconcile/object-state.ts').ObjectState;
  readonly MachineIndex: typeof import('../../src/controller/machine-index.ts').MachineIndex;
  readonly NamespaceQuota: typeof import('../../src/controller/namespace-quota.ts').NamespaceQuota;
  readonly isOnlyOwnWrite: typeof import('../../src/controller/event-handlers.ts').isOnlyOwnWrite;
  readonly DeletionRate: typeof import('../../src/controller/deletion-rate.ts').DeletionRate;
  readonly KubeError: typeof import('../../src/kubernetes/errors.ts').KubeError;
  readonly Secret: typeof import('../../src/domain/secret.ts').Secret;
  readonly createAccount: (options: AccountOptions) => OpenAccount;
}

const handedIn: Mistake = {
  file: 'reconcile/reconciler.ts',
  function: 'createReconciler',
  find: 'const objectStates = new Map<string, ObjectState>();',
  replacement: 'const { objectStates } = deps as unknown as { readonly objectStates: Map<string, ObjectState> };',
};

/** The modules whose objects are part of a state of the model. */
const stateful = ['reconcile/object-state.ts', 'provider/account/**/*.ts', 'domain/object-key.ts'];

const root = join(import.meta.dirname, '../..');

/** Node loads the copy itself: vitest would transform all of it again for each mistake, and runs it more slowly. */
const require = createRequire(import.meta.url);

/** Loads the operator's code with the mistakes, which are made in a copy that is gone when this resolves. */
export async function loadSubject(mistakes: readonly Mistake[] = []): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'vps247-model-'));
  try {
    await cp(join(root, 'src'), folder, { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    for (const mistake of [...mistakes, handedIn]) await change(folder, mistake);
    for await (const file of glob(stateful, { cwd: folder })) await openUp(join(folder, file));
    // `as`: types are erased, so what is loaded has those of the source it was copied from.
    const load = (file: string): Subject => require(join(folder, file)) as Subject;
    const files = [
      'reconcile/reconciler.ts',
      'reconcile/object-state.ts',
      'controller/machine-index.ts',
      'controller/namespace-quota.ts',
      'controller/deletion-rate.ts',
      'controller/event-handlers.ts',
      'kubernetes/errors.ts',
      'domain/secret.ts',
      'provider/account/account-core.ts',
    ];
    // `as`: the parts of an object are the object.
    return Object.assign({}, ...files.map(load)) as Subject;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function change(folder: string, mistake: Mistake): Promise<void> {
  const path = join(folder, mistake.file);
  await writeFile(path, makeMistake(await readFile(path, 'utf8'), mistake));
}

/** Private fields become accessible, because a state of the model holds a copy of them. */
async function openUp(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll(/#(?=[a-z])/gi, '$$'));
}
