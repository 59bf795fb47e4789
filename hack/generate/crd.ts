import { stringify } from 'yaml';
import { customResourceDefinition } from '../../src/api/v1alpha1/schema.ts';

/** The CustomResourceDefinition as `kubectl apply -f` takes it. Key order is the source's, so the text is the same every time. */
export function renderCrd(): string {
  const header = '# Generated from src/api/v1alpha1/schema.ts by `npm run generate`; do not edit.\n';
  return header + stringify(customResourceDefinition, { aliasDuplicateObjects: false, lineWidth: 0 });
}
