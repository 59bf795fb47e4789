/** The key of a namespaced object in the queue, the caches and the logs: `namespace/name`. */
export function objectKey({
  metadata,
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string {
  return `${metadata.namespace}/${metadata.name}`;
}
