/**
 * What is wrong with an issue form, by GitHub's documentation ("Syntax for GitHub's form schema", "Common validation errors when creating
 * issue forms"). GitHub hides a form that violates these rules, and reports that only in the view of the file.
 */
type Fields = Readonly<Record<string, unknown>>;

const topKeys = new Set(['name', 'description', 'body', 'assignees', 'labels', 'title', 'type', 'projects']);
const elementKeys = new Set(['type', 'id', 'attributes', 'validations']);

/** The attributes of each type of element; the first must be given. */
const attributes: Readonly<Record<string, readonly string[]>> = {
  markdown: ['value'],
  textarea: ['label', 'description', 'placeholder', 'value', 'render'],
  input: ['label', 'description', 'placeholder', 'value'],
  dropdown: ['label', 'description', 'multiple', 'options', 'default'],
  checkboxes: ['label', 'description', 'options'],
};
/** Types with an answer that can be required; each option of checkboxes has its own flag. */
const isRequirable = new Set(['textarea', 'input', 'dropdown']);
/** Asking for these is refused where free text is the answer. GitHub names one and says that there are more. */
const forbidden = /password|token|api key/i;

export function faultsOf(form: unknown): readonly string[] {
  const { body, ...top } = fieldsOf(form);
  const elements = Array.isArray(body) ? body.map(fieldsOf) : [];
  const faults = [
    ...['name', 'description'].filter((key) => !isText(top[key])).map((key) => `${key}: not a text`),
    ...(isText(top['name']) && top['name'].length < 4 ? ['name has fewer than 4 letters'] : []),
    ...Object.keys(top).flatMap((key) => (topKeys.has(key) ? [] : [`${key}: unknown key`])),
    ...(elements.every(({ type }) => type === 'markdown') ? ['nothing can be filled in'] : []),
  ];
  const ids = new Set<string>();
  const labels = new Set<string>();
  const inBody = elements.flatMap((element, index) =>
    [
      ...faultsOfElement(element),
      ...repeated('id', element['id'], ids),
      ...repeated('label', fieldsOf(element['attributes'])['label'], labels),
    ].map((fault) => `body[${index}]: ${fault}`),
  );
  return [...faults, ...inBody];
}

/** Labels that differ only in signs and case count as the same. */
function repeated(what: string, value: unknown, seen: Set<string>): string[] {
  if (!isText(value)) return [];
  const plain = value
    .toLowerCase()
    .replaceAll(/[^\w-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  if (seen.has(plain)) return [`${what} ${plain} is there already`];
  seen.add(plain);
  return [];
}

function faultsOfElement(element: Fields): string[] {
  const type = String(element['type']);
  const allowed = attributes[type];
  if (allowed === undefined) return [`${type}: unknown type`];
  const given = fieldsOf(element['attributes']);
  const [needed = ''] = allowed;
  const { id, validations } = element;
  return [
    ...Object.keys(element).flatMap((key) => (elementKeys.has(key) ? [] : [`${key}: unknown key`])),
    ...(id === undefined || (isText(id) && /^[\w-]+$/.test(id)) ? [] : [`${String(id)}: invalid id`]),
    ...(isText(given[needed]) ? [] : [`${needed}: not a text`]),
    ...Object.keys(given).flatMap((key) => (allowed.includes(key) ? [] : [`${key}: unknown attribute`])),
    ...(isAskedFreely(type) && forbidden.test(String(given['label']))
      ? [`${String(given['label'])} is forbidden`]
      : []),
    ...(allowed.includes('options') ? faultsOfOptions(type, given['options']) : []),
    ...(validations === undefined || isRequirable.has(type) ? [] : [`${type} has no validations`]),
    ...Object.entries(fieldsOf(validations)).flatMap(([key, value]) =>
      key === 'required' && typeof value === 'boolean' ? [] : [`${key}: unknown validation`],
    ),
  ];
}

const isAskedFreely = (type: string): boolean => type === 'textarea' || type === 'input';

function faultsOfOptions(type: string, options: unknown): string[] {
  if (!Array.isArray(options) || options.length === 0) return ['no options'];
  const texts: unknown[] = type === 'dropdown' ? options : options.map((option) => fieldsOf(option)['label']);
  return [
    ...texts.flatMap((text) => (isText(text) ? [] : [`option ${String(text)}: not a text`])),
    ...texts.flatMap((text) => (/^none$/i.test(String(text)) ? [`${String(text)} is reserved`] : [])),
    ...(new Set(texts).size === texts.length ? [] : ['options are not unique']),
  ];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

/** Empty unless the value is a map. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
