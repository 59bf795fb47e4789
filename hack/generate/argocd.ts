import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { accountKind } from '../../src/api/v1alpha1/account-types.ts';
import { group, kind } from '../../src/api/v1alpha1/constants.ts';

const folder = join(import.meta.dirname, '../../deploy/gitops/argocd');

/** The actions in Argo CD's UI, each a script of that name. */
export const actions = ['pause', 'resume', 'reconcile', 'restart'] as const;

function script(name: string): string {
  return readFileSync(join(folder, `${name}.lua`), 'utf8');
}

/** deploy/gitops/argocd/argocd-cm.yaml: the scripts beside it, in the format of Argo CD's ConfigMap. */
export function renderArgoConfig(): string {
  const actionTexts = {
    'discovery.lua': script('actions/discovery'),
    definitions: actions.map((name) => ({ name, 'action.lua': script(`actions/${name}`) })),
  };
  const config = {
    data: {
      [`resource.customizations.health.${group}_${kind}`]: script('health'),
      [`resource.customizations.health.${group}_${accountKind}`]: script('health'),
      [`resource.customizations.actions.${group}_${kind}`]: stringify(actionTexts, { lineWidth: 0 }),
    },
  };
  return `# Generated from the scripts beside it by \`npm run generate\`; do not edit. A patch of Argo CD's own ConfigMap:
#   kubectl -n argocd patch configmap argocd-cm --patch-file argocd-cm.yaml
${stringify(config, { lineWidth: 0 })}`;
}
