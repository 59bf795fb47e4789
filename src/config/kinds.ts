import { parseBaseUrl } from '../domain/base-url.ts';
import { formatDuration, parseDuration } from '../domain/duration.ts';
import { type LabelSelector, parseSelector } from '../domain/label-selector.ts';
import { redacted } from '../domain/secret.ts';

/**
 * The valid values as data, for validation outside the operator (the chart's schema); durations are milliseconds,
 * patterns regular expressions.
 */
export type Bounds =
  | { readonly type: 'toggle' }
  | { readonly type: 'integer' | 'duration'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'choice'; readonly options: readonly string[] }
  | { readonly type: 'text' | 'list'; readonly pattern: string };

/** How the text of a setting is parsed. */
export interface Kind<T> {
  /**
   * The placeholder for the value in help and documentation, such as `DURATION`; undefined for a boolean flag, which
   * needs none.
   */
  readonly placeholder: string | undefined;
  /** Which values are valid; completes the sentence "--flag must be …". */
  readonly rule: string;
  readonly bounds: Bounds;
  /** Undefined for an invalid text. */
  read(text: string): Fitting<T> | undefined;
  /** The text as it may be printed in an error message; for kinds whose text may contain a password. */
  show?(text: string): string;
}

/** A boxed value, so that a valid `undefined` differs from an invalid text. */
export interface Fitting<T> {
  readonly value: T;
}

export interface HostPort {
  /** Empty: all addresses. */
  readonly host: string;
  /** 0: the system selects a free port. */
  readonly port: number;
}

/** A path; empty: none. */
export const file: Kind<string | undefined> = {
  placeholder: 'FILE',
  rule: 'a path',
  bounds: { type: 'text', pattern: '' },
  read: (text) => ({ value: text === '' ? undefined : text }),
};

export const toggle: Kind<boolean> = {
  placeholder: undefined,
  rule: 'true or false',
  bounds: { type: 'toggle' },
  read: (text) => (text === 'true' || text === 'false' ? { value: text === 'true' } : undefined),
};

/** Both limits are inclusive. */
export function integer(minimum: number, maximum: number): Kind<number> {
  return {
    placeholder: 'NUMBER',
    rule: `a whole number from ${minimum} to ${maximum}`,
    bounds: { type: 'integer', minimum, maximum },
    read: (text) => (/^\d{1,9}$/.test(text) ? within(Number(text), minimum, maximum) : undefined),
  };
}

/** A duration in milliseconds; the limits are inclusive, and written as durations. */
export function duration(minimum: string, maximum: string): Kind<number> {
  const [low, high] = [parseDuration(minimum), parseDuration(maximum)];
  if (low === undefined || high === undefined) throw new Error(`no durations: ${minimum}, ${maximum}`);
  return {
    placeholder: 'DURATION',
    rule: `a duration from ${formatDuration(low)} to ${formatDuration(high)}, such as 90s or 5m`,
    bounds: { type: 'duration', minimum: low, maximum: high },
    read: (text) => within(parseDuration(text), low, high),
  };
}

export function choice<const T extends string>(...options: readonly T[]): Kind<T> {
  return {
    placeholder: options.join('|'),
    rule: `one of ${options.join(', ')}`,
    bounds: { type: 'choice', options },
    read: (text) => fitting(options.find((option) => option === text)),
  };
}

const address = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/;

/** An address to listen on. An empty host means all addresses, IPv6 and IPv4, as in `:8080`. */
export const hostPort: Kind<HostPort> = {
  placeholder: 'HOST:PORT',
  rule: 'an address to listen on, such as :8080 for all addresses, 127.0.0.1:8080 or [::1]:8080',
  bounds: { type: 'text', pattern: address.source },
  read(text) {
    const match = address.exec(text);
    const port = within(Number(match?.[3]), 0, 65_535);
    // One of the two groups matched; an empty host comes from the second.
    const host = match?.[1] ?? match?.[2] ?? '';
    return port === undefined ? undefined : { value: { host, port: port.value } };
  },
};

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names of namespaces, sorted and without duplicates; empty: no namespaces. */
export const namespaces: Kind<readonly string[]> = {
  placeholder: 'NAME,NAME',
  rule: 'a comma-separated list of namespaces',
  bounds: { type: 'list', pattern: namespaceName.source },
  read: (text) => listOf(text, namespaceName),
};

/** A Lease as namespace/name. */
export const leaseRef = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Leases as namespace/name, sorted and without duplicates; empty: none. */
export const leaseRefs: Kind<readonly string[]> = {
  placeholder: 'NAMESPACE/NAME,NAMESPACE/NAME',
  rule: 'a comma-separated list of Leases as namespace/name',
  bounds: { type: 'list', pattern: leaseRef.source },
  read: (text) => listOf(text, leaseRef),
};

/** The name of an object or a namespace; empty: none. */
export const objectName: Kind<string | undefined> = {
  placeholder: 'NAME',
  rule: 'a DNS label (RFC 1123)',
  bounds: { type: 'text', pattern: namespaceName.source },
  read: (text) => (text === '' || namespaceName.test(text) ? { value: text === '' ? undefined : text } : undefined),
};

/** A label selector; empty: all objects, so no selector is needed. */
export const labelSelector: Kind<LabelSelector | undefined> = {
  placeholder: 'SELECTOR',
  rule: 'a label selector such as shard=a, shard in (a, b) or !shard, with its parts separated by commas',
  bounds: { type: 'text', pattern: '' },
  read: (text) => (text.trim() === '' ? { value: undefined } : fitting(parseSelector(text))),
};

/** A Secret in any namespace; without a key, the default one is used. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
  readonly key: string | undefined;
}

const secret = /^([^/]*)\/([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)(?::([-._a-zA-Z0-9]{1,253}))?$/;

/** Empty: none. */
export const secretName: Kind<SecretName | undefined> = {
  placeholder: 'NAMESPACE/NAME[:KEY]',
  rule: 'a Secret as namespace/name, or namespace/name:key',
  bounds: { type: 'text', pattern: secret.source },
  read(text) {
    if (text === '') return { value: undefined };
    const match = secret.exec(text);
    const [, namespace = '', name = '', , key] = match ?? [];
    return namespaceName.test(namespace) ? { value: { namespace, name, key } } : undefined;
  },
};

/** A base URL without trailing slash. A URL with credentials is refused, and never printed. */
export const baseUrl: Kind<string> = {
  placeholder: 'URL',
  rule: 'a URL such as https://api.vps247.com, without user, query and fragment',
  bounds: { type: 'text', pattern: '^https?://[^@?#\\s]+$' },
  read(text) {
    const parsed = parseBaseUrl(text);
    return parsed.kind === 'Valid' ? { value: parsed.url } : undefined;
  },
  show: (text) => text.replace(/\/\/.*@/, `//${redacted}@`).replace(/[?#].*$/, ''),
};

function listOf(text: string, pattern: RegExp): Fitting<readonly string[]> | undefined {
  if (text.trim() === '') return { value: [] };
  const parts = text.split(',').map((part) => part.trim());
  return parts.every((part) => pattern.test(part)) ? { value: [...new Set(parts)].toSorted() } : undefined;
}

function within(value: number | undefined, minimum: number, maximum: number): Fitting<number> | undefined {
  return value !== undefined && value >= minimum && value <= maximum ? { value } : undefined;
}

function fitting<T>(value: T | undefined): Fitting<T> | undefined {
  return value === undefined ? undefined : { value };
}
