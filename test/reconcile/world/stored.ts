/** An object as it is stored. */
export interface Stored {
  readonly metadata: Readonly<Record<string, unknown>> & { readonly namespace: string; readonly name: string };
  readonly [field: string]: unknown;
}
