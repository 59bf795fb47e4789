import { stringify } from 'yaml';
import { customResourceDefinition } from '../../src/api/v1alpha1/schema.ts';

/** The CRD for `kubectl apply -f`. Key order is that of the source, so the text is reproducible. */
export function renderCrd(): string {
  const header = '# Generated from src/api/v1alpha1/schema.ts by `npm run generate`; do not edit.\n';
  return header + stringify(customResourceDefinition, { aliasDuplicateObjects: false, lineWidth: 0 });
}
