/** The part of OpenAPI v3 for structural schemas of Kubernetes that this resource needs. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic';
  readonly 'x-kubernetes-validations'?: readonly CelRule[];
}

/** A CEL rule. The user reads the message when the rule is violated, so it names the field and the fix. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** CEL that returns the message. */
  readonly messageExpression?: string;
  readonly fieldPath?: string;
}

/** Exactly one schema for each property of `T`, which keeps `types.ts` and the schema in step. */
export type PropertiesOf<T> = { readonly [Property in keyof Required<T>]: Schema };

/** Names of the required properties of `T`. */
export type RequiredOf<T> = { [P in keyof T]-?: object extends Pick<T, P> ? never : P & string }[keyof T];

/** All members of a union of strings: the compiler refuses a missing or an extra one. */
export function allOf<Union extends string>(members: Readonly<Record<Union, true>>): readonly string[] {
  return Object.keys(members);
}

/** The provider's ids are integers; beyond 2^53 a JSON number isn't exact. */
export function providerId(description: string): Schema {
  return { type: 'integer', format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description };
}

/** A time in RFC 3339. */
export function time(description: string): Schema {
  return { type: 'string', format: 'date-time', description };
}
