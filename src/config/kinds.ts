import { parseBaseUrl } from '../domain/base-url.ts';
import { formatDuration, parseDuration } from '../domain/duration.ts';
import { type LabelSelector, parseSelector } from '../domain/label-selector.ts';
import { redacted } from '../domain/secret.ts';

/** What fits, as data, for whoever judges a setting before the operator does; durations are milliseconds, patterns regular expressions. */
export type Bounds =
  | { readonly type: 'toggle' }
  | { readonly type: 'integer' | 'duration'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'choice'; readonly options: readonly string[] }
  | { readonly type: 'text' | 'list'; readonly pattern: string };

/** How the text of a setting is read. */
export interface Kind<T> {
  /** What stands for the value in help and documentation, such as `DURATION`; undefined for a switch, which needs none. */
  readonly placeholder: string | undefined;
  /** Which texts fit; ends the sentence "--flag must be …". */
  readonly rule: string;
  readonly bounds: Bounds;
  /** Undefined for a text that does not fit. */
  read(text: string): Fitting<T> | undefined;
  /** The text as it may be repeated in a complaint; for kinds whose text may carry a password. */
  show?(text: string): string;
}

/** A value, boxed, so that "fits and means nothing" differs from "does not fit". */
export interface Fitting<T> {
  readonly value: T;
}

export interface HostPort {
  /** Empty: all addresses. */
  readonly host: string;
  /** 0 lets the system choose a free port. */
  readonly port: number;
}

/** A path; the empty text means none. */
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

/** Both bounds are included. */
export function integer(minimum: number, maximum: number): Kind<number> {
  return {
    placeholder: 'NUMBER',
    rule: `a whole number from ${minimum} to ${maximum}`,
    bounds: { type: 'integer', minimum, maximum },
    read: (text) => (/^\d{1,9}$/.test(text) ? within(Number(text), minimum, maximum) : undefined),
  };
}

/** A duration in milliseconds; the bounds, both included, are written as durations too. */
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

/** An address to listen on. An empty host means all addresses, IPv6 and IPv4, as `:8080` does elsewhere. */
export const hostPort: Kind<HostPort> = {
  placeholder: 'HOST:PORT',
  rule: 'an address to listen on, such as :8080 for all addresses, 127.0.0.1:8080 or [::1]:8080',
  bounds: { type: 'text', pattern: address.source },
  read(text) {
    const match = address.exec(text);
    const port = within(Number(match?.[3]), 0, 65_535);
    // One of the two groups took part; an empty host comes from the second.
    const host = match?.[1] ?? match?.[2] ?? '';
    return port === undefined ? undefined : { value: { host, port: port.value } };
  },
};

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names of namespaces, sorted and each once; the empty text is the empty list. */
export const namespaces: Kind<readonly string[]> = {
  placeholder: 'NAME,NAME',
  rule: 'a list of namespaces with commas between them',
  bounds: { type: 'list', pattern: namespaceName.source },
  read: (text) => listOf(text, namespaceName),
};

/** A Lease as namespace/name. */
export const leaseRef = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Leases as namespace/name, sorted and each once; the empty text is the empty list. */
export const leaseRefs: Kind<readonly string[]> = {
  placeholder: 'NAMESPACE/NAME,NAMESPACE/NAME',
  rule: 'a list of Leases as namespace/name, separated by commas',
  bounds: { type: 'list', pattern: leaseRef.source },
  read: (text) => listOf(text, leaseRef),
};

/** The name of an object or a namespace; the empty text means none. */
export const objectName: Kind<string | undefined> = {
  placeholder: 'NAME',
  rule: 'a name of small letters, digits and hyphens',
  bounds: { type: 'text', pattern: namespaceName.source },
  read: (text) => (text === '' || namespaceName.test(text) ? { value: text === '' ? undefined : text } : undefined),
};

/** A label selector; the empty text means all objects, and so none is needed. */
export const labelSelector: Kind<LabelSelector | undefined> = {
  placeholder: 'SELECTOR',
  rule: 'a label selector such as shard=a, shard in (a, b) or !shard, with commas between its parts',
  bounds: { type: 'text', pattern: '' },
  read: (text) => (text.trim() === '' ? { value: undefined } : fitting(parseSelector(text))),
};

/** One Secret, anywhere; without a key in its data, the usual one is meant. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
  readonly key: string | undefined;
}

const secret = /^([^/]*)\/([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)(?::([-._a-zA-Z0-9]{1,253}))?$/;

/** The empty text means none. */
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

/** A base URL without trailing slash. Credentials in it are refused and never repeated. */
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
