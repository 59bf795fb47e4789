import { formatDuration, parseDuration } from '../model/duration.ts';

/** How the text of a setting is read. `read` yields undefined for a text that does not fit; `rule` says what would. */
export interface Kind<T> {
  /** What stands for the value in help and documentation, such as `DURATION`; undefined for a switch, which needs none. */
  readonly placeholder: string | undefined;
  /** Ends the sentence "--flag must be …". */
  readonly rule: string;
  read(text: string): T | undefined;
  /** The text as it may be repeated in a complaint; for kinds whose text may carry a password. */
  show?(text: string): string;
}

export interface HostPort {
  readonly host: string;
  /** 0 lets the system choose a free port. */
  readonly port: number;
}

export const text: Kind<string> = { placeholder: 'TEXT', rule: 'a text', read: (value) => value };

export const toggle: Kind<boolean> = {
  placeholder: undefined,
  rule: 'true or false',
  read: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
};

/** Both bounds are included. */
export function integer(minimum: number, maximum: number): Kind<number> {
  return {
    placeholder: 'NUMBER',
    rule: `a whole number from ${minimum} to ${maximum}`,
    read: (value) => (/^\d{1,9}$/.test(value) ? within(Number(value), minimum, maximum) : undefined),
  };
}

/** A duration in milliseconds; the bounds, both included, are written as durations too. */
export function duration(minimum: string, maximum: string): Kind<number> {
  const [low, high] = [parseDuration(minimum), parseDuration(maximum)];
  if (low === undefined || high === undefined) throw new Error(`no durations: ${minimum}, ${maximum}`);
  return {
    placeholder: 'DURATION',
    rule: `a duration from ${formatDuration(low)} to ${formatDuration(high)}, such as 90s or 5m`,
    read: (value) => within(parseDuration(value), low, high),
  };
}

export function choice<const T extends string>(...options: readonly T[]): Kind<T> {
  return {
    placeholder: options.join('|'),
    rule: `one of ${options.join(', ')}`,
    read: (value) => options.find((option) => option === value),
  };
}

/** An address to listen on. An empty host means all of the machine's, as `:8080` does elsewhere. */
export const hostPort: Kind<HostPort> = {
  placeholder: 'HOST:PORT',
  rule: 'an address to listen on, such as 0.0.0.0:8080 or [::1]:8080',
  read(value) {
    const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/i.exec(value);
    if (match === null) return undefined;
    const port = within(Number(match[3]), 0, 65_535);
    return port === undefined ? undefined : { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]) ?? '', port };
  },
};

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names of namespaces, sorted and each once; the empty text is the empty list. */
export const namespaces: Kind<readonly string[]> = {
  placeholder: 'NAME,NAME',
  rule: 'a list of namespaces with commas between them',
  read(value) {
    if (value.trim() === '') return [];
    const names = value.split(',').map((name) => name.trim());
    return names.every((name) => namespaceName.test(name)) ? [...new Set(names)].toSorted() : undefined;
  },
};

/** A base URL without trailing slash. Credentials in it are refused and never repeated. */
export const baseUrl: Kind<string> = {
  placeholder: 'URL',
  rule: 'a URL such as https://api.vps247.com, without user, query and fragment',
  read(value) {
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
    return url.href.replace(/\/+$/, '');
  },
  show: (value) => value.replace(/\/\/.*@/, '//[redacted]@').replace(/[?#].*$/, ''),
};

function within(value: number | undefined, minimum: number, maximum: number): number | undefined {
  return value !== undefined && value >= minimum && value <= maximum ? value : undefined;
}
