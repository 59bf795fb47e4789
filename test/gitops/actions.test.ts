import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { actions } from '../../hack/generate/argocd.ts';
import { runScript } from '../../hack/gitops/tools.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { readRequests } from '../../src/api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { mergePatch } from '../../src/domain/json.ts';
import { showing } from './objects.ts';

const running = showing('Available');
const paused: VirtualMachine = {
  ...running,
  metadata: { ...running.metadata, annotations: { ...running.metadata.annotations, [annotations.paused]: 'true' } },
};
const bare: VirtualMachine = { metadata: { ...showing('Creating').metadata }, spec: running.spec };
// An object as the API server first stores it.
delete (bare.metadata as { annotations?: unknown }).annotations;

async function offered(object: VirtualMachine): Promise<readonly string[]> {
  const [found] = await runScript('actions/discovery', [object]);
  // The shape that Argo CD asks of discovery.
  const table = found as Readonly<Record<string, { readonly disabled: boolean }>>;
  expect(Object.keys(table).toSorted()).toEqual(actions.toSorted());
  return actions.filter((name) => table[name]?.disabled === false);
}

/** What Argo CD would send for an action: the merge patch from the object to what the script returns. */
async function sent(action: string, object: VirtualMachine): Promise<unknown> {
  const [after] = await runScript(`actions/${action}`, [object]);
  return mergePatch({ apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', ...object }, after);
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

describe("Argo CD's actions", () => {
  it.each([
    ['a running machine', running, ['pause', 'reconcile', 'restart']],
    ['a paused one', paused, ['resume', 'reconcile', 'restart']],
    ['one that is not there yet', bare, ['pause', 'reconcile']],
    ['one that is being deleted', showing('Deleting'), ['pause', 'reconcile']],
  ] as const)('%s: %#', async (_what, object, expected) => {
    expect(await offered(object)).toEqual(expected);
  });

  it('pause and resume set and remove the annotation, and change nothing else', async () => {
    const set = { metadata: { annotations: { [annotations.paused]: 'true' } } };
    expect(await sent('pause', running)).toEqual(set);
    expect(await sent('pause', bare)).toEqual(set);
    expect(await sent('resume', paused)).toEqual({ metadata: { annotations: { [annotations.paused]: null } } });
    expect(await sent('resume', bare)).toEqual({});
  });

  it('reconcile requests a reconciliation of the object now', async () => {
    const patch = await sent('reconcile', bare);
    expect(patch).toEqual({
      metadata: { annotations: { [annotations.reconcileRequestedAt]: expect.stringMatching(time) } },
    });
    const [after] = await runScript('actions/reconcile', [bare]);
    // The script returns the object.
    expect(readRequests(after as VirtualMachine).reconcile).toMatch(time);
  });

  it('restart sets a new request, and changes nothing else', async () => {
    expect(await sent('restart', running)).toEqual({
      spec: { restartRequest: expect.stringMatching(/^argocd-\d{4}-/) },
    });
  });
});

it('the ConfigMap contains the scripts, under the keys that Argo CD reads', () => {
  const folder = join(import.meta.dirname, '../../deploy/gitops/argocd');
  const script = (name: string) => readFileSync(join(folder, `${name}.lua`), 'utf8');
  // Our own file.
  const { data } = parse(readFileSync(join(folder, 'argocd-cm.yaml'), 'utf8')) as { data: Record<string, string> };
  expect(Object.keys(data)).toEqual([
    'resource.customizations.health.vps247.com_VirtualMachine',
    'resource.customizations.health.vps247.com_Account',
    'resource.customizations.actions.vps247.com_VirtualMachine',
  ]);
  for (const kind of ['VirtualMachine', 'Account'])
    expect(data[`resource.customizations.health.vps247.com_${kind}`]).toBe(script('health'));
  expect(parse(data['resource.customizations.actions.vps247.com_VirtualMachine'] ?? '')).toEqual({
    'discovery.lua': script('actions/discovery'),
    definitions: actions.map((name) => ({ name, 'action.lua': script(`actions/${name}`) })),
  });
});
