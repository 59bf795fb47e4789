/** Which labels an object must have. */
export interface LabelSelector {
  /** Equal for equal selectors, whatever the order of their parts. */
  readonly canonical: string;
  /** The labels that it refers to. */
  readonly keys: readonly string[];
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

interface Requirement {
  readonly text: string;
  readonly holds: (value: string | undefined) => boolean;
  readonly key: string;
}

const name = String.raw`[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`;
const key = new RegExp(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?${name}$`);
const value = new RegExp(`^(${name})?$`);

/**
 * Parses a selector in the syntax of kubectl and the API server; undefined if it is invalid. Worked table:
 *
 * | part                | the object                              |
 * | ------------------- | --------------------------------------- |
 * | `a=b`, `a==b`       | has the label with this value           |
 * | `a!=b`              | has it with another value, or not at all |
 * | `a in (b, c)`       | has it with one of the values           |
 * | `a notin (b, c)`    | has it with none of them, or not at all |
 * | `a`                 | has the label                           |
 * | `!a`                | does not have it                        |
 */
export function parseSelector(text: string): LabelSelector | undefined {
  // A comma within brackets separates values, not parts.
  const parts = text.split(/,(?![^(]*\))/).map(parseRequirement);
  if (parts.includes(undefined)) return undefined;
  const requirements = parts.filter((part) => part !== undefined);
  return {
    canonical: [...new Set(requirements.map((requirement) => requirement.text))].toSorted().join(','),
    keys: [...new Set(requirements.map((requirement) => requirement.key))],
    matches: (labels) => requirements.every((requirement) => requirement.holds(labels?.[requirement.key])),
  };
}

function parseRequirement(text: string): Requirement | undefined {
  const [, not, plain = ''] = /^\s*(!?)\s*([^\s=!()]+)\s*$/.exec(text) ?? [];
  if (plain !== '') return not === '' ? labeled(plain, plain, isThere) : labeled(plain, `!${plain}`, isMissing);
  const [, left = '', operator = '', right = ''] = /^\s*([^\s=!()]+)\s*(==?|!=)\s*([^\s=!()]*)\s*$/.exec(text) ?? [];
  if (left !== '') return among(left, operator === '!=', [right]);
  const [, of = '', set = '', list = ''] = /^\s*([^\s=!()]+)\s+(in|notin)\s*\(([^()]*)\)\s*$/.exec(text) ?? [];
  return of === ''
    ? undefined
    : among(
        of,
        set === 'notin',
        list.split(',').map((one) => one.trim()),
      );
}

function among(of: string, isNegated: boolean, values: readonly string[]): Requirement | undefined {
  if (!values.every((one) => value.test(one))) return undefined;
  const wanted = new Set(values);
  const text = `${of} ${isNegated ? 'notin' : 'in'} (${[...wanted].toSorted().join(',')})`;
  return labeled(of, text, (found) => (found !== undefined && wanted.has(found)) !== isNegated);
}

function labeled(of: string, text: string, holds: Requirement['holds']): Requirement | undefined {
  return key.test(of) ? { key: of, text, holds } : undefined;
}

function isThere(found: string | undefined): boolean {
  return found !== undefined;
}

function isMissing(found: string | undefined): boolean {
  return found === undefined;
}
