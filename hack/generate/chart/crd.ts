import { renderAccountCrd, renderCrd } from '../crd.ts';

const metadata = `  {{- $keep := dict "helm.sh/resource-policy" "keep" }}
  {{- $kept := include "vps247-operator.keptAnnotations" . | fromYaml }}
  {{- include "vps247-operator.metadata" (dict "root" . "name" "NAME" "annotations" (merge $keep .Values.crds.annotations $kept)) | nindent 2 }}`;

/**
 * The CRD as a template of the chart. Uninstalling always keeps it, because deleting it would delete every object, and
 * with it every VM.
 */
export function renderCrdTemplate(): string {
  return template(renderCrd(), '.Values.crds.enabled');
}

/** The same for Accounts. Uninstalling keeps it, too: its objects are the users'. */
export function renderAccountCrdTemplate(): string {
  return template(renderAccountCrd(), 'and .Values.crds.enabled .Values.accounts.enabled');
}

function template(crd: string, condition: string): string {
  const [comment = '', ...definition] = crd.split('\n');
  const text = definition.join('\n');
  if (text.includes('{{')) throw new Error('a text in the schema looks like a template');
  const own = /\nmetadata:\n {2}name: (.*)\n(?: {2}.*\n)*/.exec(text);
  if (own === null) throw new Error('the CustomResourceDefinition does not begin its metadata with its name');
  const [block, name = ''] = own;
  const withMetadata = text.replace(block, `\nmetadata:\n${metadata.replace('NAME', name)}\n`);
  return `${comment}\n{{- if ${condition} }}\n${withMetadata}{{- end }}\n`;
}
