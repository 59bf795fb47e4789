import { stringify } from 'yaml';
import { customResourceDefinition } from '../../src/api/v1alpha1/schema.ts';
import { accountDefinition } from '../../src/api/v1alpha1/schema/account.ts';

/** The CRD for `kubectl apply -f`. Key order is that of the source, so the text is reproducible. */
export function renderCrd(): string {
  return render(customResourceDefinition, 'src/api/v1alpha1/schema.ts');
}

export function renderAccountCrd(): string {
  return render(accountDefinition, 'src/api/v1alpha1/schema/account.ts');
}

function render(definition: object, source: string): string {
  const header = `# Generated from ${source} by \`npm run generate\`; do not edit.\n`;
  return header + stringify(definition, { aliasDuplicateObjects: false, lineWidth: 0 });
}
