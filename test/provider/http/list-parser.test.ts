import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listLimits, readEntries } from '../../../src/provider/http/list-parser.ts';
import { WireError } from '../../../src/provider/http/json-fields.ts';
import { assertProperty } from '../../support/property.ts';

const names = ['virtual_machines', 'data'];
const read = (text: string): unknown[] => readEntries(text, names, (entry) => entry);

/** What the whole text parsed says, for lists small enough to be parsed whole. */
function parsed(text: string): unknown[] | 'no list' {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return 'no list';
  }
  if (Array.isArray(body)) return body;
  const arrays = Object.entries(Object(body)).filter(([, value]) => Array.isArray(value));
  const [name, entries] = arrays[0] ?? ['', []];
  return arrays.length === 1 && names.includes(name) && Array.isArray(entries) ? entries : 'no list';
}

function outcomeOf(text: string): unknown[] | 'no list' {
  try {
    return read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return 'no list';
  }
}

const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 2 });
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
const list = fc
  .tuple(
    fc.array(
      fc.tuple(space, json, space).map((parts) => parts.join('')),
      { maxLength: 5 },
    ),
    space,
  )
  .map(([entries, end]) => `[${entries.join(',') || end}]`);
const document = fc.oneof(
  fc.tuple(space, list, space).map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('data', 'virtual_machines', 'items', '\\u0064ata'), list)
    .map(([name, text]) => `{"${name}": ${text} }`),
  fc.tuple(list, json).map(([text, more]) => `{"more":${more},"data":${text}}`),
);

test('the list of the whole text equals the list of its parts', async () => {
  let lists = 0;
  await assertProperty(
    fc.property(document, (text) => {
      const outcome = outcomeOf(text);
      expect(outcome).toEqual(parsed(text));
      if (outcome !== 'no list') lists += 1;
    }),
    { runs: 3_000 },
  );
  expect(lists).toBeGreaterThan(1_000);
});

test('a text with one changed character is decoded as valid JSON, or refused', async () => {
  const character = fc.constantFrom(...'[]{},:"\\ 0atrue\n');
  await assertProperty(
    fc.property(document, fc.nat(), fc.nat(2), character, (text, at, removed, added) => {
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + added + text.slice(place + removed);
      const outcome = outcomeOf(changed);
      if (outcome !== 'no list') expect(outcome).toEqual(parsed(changed));
    }),
    { runs: 10_000 },
  );
});

test.for([
  '',
  ' ',
  ']',
  '[',
  '[1',
  '[1,',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[1]]',
  '[1] x',
  '{"data":[1]',
  '{"data":[1],}',
  '{"data" [1]}',
  '{data:[]}',
  "{'data':[]}",
  '{"data":[1]}{}',
  '["\\"]',
  '[{]}',
  '[{"a":1]',
])('%s does not count as a list', (text) => {
  expect(() => read(text)).toThrow(WireError);
});

function emptyEntries(count: number): string {
  return `[${Array.from({ length: count }, () => '{}').join(',')}]`;
}

describe('limits', () => {
  test('entries', () => {
    expect(read(emptyEntries(listLimits.entries))).toHaveLength(listLimits.entries);
    expect(() => read(emptyEntries(listLimits.entries + 1))).toThrow('the list has more than 20000 entries');
  });

  test('of a large entry, and of an object in it, the small members are read', () => {
    const large = JSON.stringify('x'.repeat(listLimits.entryLength));
    const many = `[${'0,'.repeat(listLimits.entryLength)}0]`;
    expect(read(`[{"id":1,"a":${large},"vm":{"b":${large},"name":"web"},"c":${many},"d":[2]},{"id":2}]`)).toEqual([
      { id: 1, vm: { name: 'web' }, d: [2] },
      { id: 2 },
    ]);
  });

  test('of an entry with too many members, the first ones are read', () => {
    const members = Array.from({ length: 50_000 }, (_, index) => `"k${index}":0`).join(',');
    const [entry] = read(`[{"id":1,${members}}]`);
    expect(Object.keys(Object(entry))).toHaveLength(listLimits.members);
    expect(entry).toHaveProperty('id', 1);
  });

  test('a large entry that is not an object is refused, and so is much text besides the list', () => {
    const many = `[${'0,'.repeat(listLimits.entryLength)}0]`;
    expect(() => read(`[${many}]`)).toThrow('an entry of the list is too large');
    expect(() => read(`{"error":"${'x'.repeat(listLimits.memberLength)}","data":[]}`)).toThrow('says too much');
    const members = Array.from({ length: 1_000 }, (_, index) => `"k${index}":0`).join(',');
    expect(() => read(`{${members},"data":[]}`)).toThrow('says too much');
  });

  test('any depth', () => {
    const deep = 2_000_000;
    expect(() => read('['.repeat(deep))).toThrow(WireError);
    expect(() => read('['.repeat(deep) + ']'.repeat(deep))).toThrow('an entry of the list is too large');
    expect(read(`[${'['.repeat(50_000)}${']'.repeat(50_000)}]`)).toHaveLength(1);
    expect(() => read('[{"a":'.repeat(deep))).toThrow(WireError);
  });

  test('duplicate members: two arrays do not count as a list', () => {
    expect(() => read('{"data":[],"data":[1]}')).toThrow(WireError);
    expect(() => read('{"status":"error","status":"success","data":[]}')).toThrow('reports a failure');
  });
});
