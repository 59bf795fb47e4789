import fc from 'fast-check';

/** What hostile answers quote: the API key in use, a VM's password, and a key that is registered for another account. */
export const planted = {
  key: 'pl4nted+Key/0123="x"&y',
  password: 'Pl4nted-p4ssword',
  otherKey: 'pl4nted-key-of-others',
} as const;

const secret = fc.constantFrom<string>(...Object.values(planted));
/** A secret as programs spell it on the way. */
const spelled = fc
  .tuple(secret, fc.constantFrom('', 'x', '-', ' '))
  .chain(([plain, before]) =>
    fc.constantFrom(
      before + plain,
      before + plain.toLowerCase(),
      before + plain.toUpperCase(),
      encodeURIComponent(before + plain),
      JSON.stringify(before + plain),
      JSON.stringify(JSON.stringify(before + plain)),
      Buffer.from(before + plain).toString('base64'),
      Buffer.from(`${before + plain}/`).toString('base64url'),
    ),
  );

const oddCharacters = fc.constantFrom(
  '\n',
  '\u001b[31m',
  '\u009b',
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\ud800',
  '\u0000',
  '\u2028',
  'İ',
  '😀',
);

/** Lone surrogates too. fast-check's own unit `binary` takes a second to build a table of all characters. */
const anyCharacter = fc.integer({ min: 0, max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code));

/** Text that means harm. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(
      fc.oneof(
        spelled,
        oddCharacters,
        fc.string({ maxLength: 10 }),
        fc.constantFrom('<script', '</a>', ': ', 'password='),
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom(
    '',
    'x'.repeat(255),
    'ж'.repeat(255),
    '😀'.repeat(128),
    'x'.repeat(256),
    'x'.repeat(300_000),
    'İ'.repeat(200),
  ),
);

const nastyNumber = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, -1e308),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);
const nastyTime = fc.oneof(
  fc.constantFrom(
    '9999-12-31T23:59:59-12:00',
    '9999-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+14:00',
    '-000001-01-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '2026-02-30T00:00:00.000Z',
    '2026-02-29T00:00:00.000Z',
    '2024-02-29 23:59:60+0000',
    '2026-06-01T12:00:00.0000000000000000001Z',
    '2026-06-01T12:00:00Z',
    '2015-02-21T00:26:55.068Z',
    `2026-06-01T12:00:00.${'1'.repeat(100_000)}Z`,
  ),
  fc
    .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
    .map((date) => date.toISOString()),
);
const nastyAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    '::ffff:1.2.3.4',
    '0000:0000:0000:0000:0000:ffff:255.255.255.255',
    'fe80::1%eth0',
    '1.2.3.4/24',
    '01.2.3.4',
    ' 10.0.0.1 ',
    '1'.repeat(1_000_000),
  ),
);
const scalar = fc.oneof(fc.constantFrom(null, true, false), nastyNumber, nastyText, nastyTime, nastyAddress);
const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

function mostly(usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: anything });
}

const id = mostly(fc.oneof(fc.integer({ min: 1, max: 2 ** 53 - 1 }), fc.integer({ min: 1, max: 99 }).map(String)));
const allocation = fc.record(
  {
    version: mostly(fc.constantFrom(4, 6)),
    first: mostly(nastyAddress),
    last: mostly(nastyAddress),
    gateway: mostly(nastyAddress),
    prefixlen: mostly(fc.oneof(fc.integer({ min: -1, max: 129 }), nastyNumber)),
  },
  { requiredKeys: [] },
);
const many = fc
  .integer({ min: 200, max: 2_000 })
  .map((count) =>
    Array.from({ length: count }, (_, index) => ({ first: `10.0.${index >> 8}.${index & 255}`, prefixlen: 24 })),
  );

/** A VM, with fields that may be anything. */
export const nastyMachine: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    id: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 2 ** 53 - 1 }) }, { weight: 1, arbitrary: id }),
    name: fc.oneof(
      { weight: 2, arbitrary: fc.constant('web-0a1b2c3d') },
      { weight: 1, arbitrary: nastyText },
      { weight: 1, arbitrary: anything },
    ),
    state: mostly(fc.constantFrom('pending', 'starting', 'running', 'halting', 'halted', 'error', 'x'.repeat(100))),
    hostname: mostly(nastyText),
    owner_id: id,
    created_at: mostly(nastyTime),
    updated_at: mostly(nastyTime),
    region_id: id,
    region_name: mostly(nastyText),
    package_id: id,
    package_name: mostly(nastyText),
    os_template_id: id,
    os_template_name: mostly(nastyText),
    ip_allocations: mostly(fc.oneof(fc.array(allocation, { maxLength: 5 }), many)),
    ip_assignments: mostly(fc.array(fc.record({ ip_address: mostly(nastyAddress) }), { maxLength: 5 })),
    last_task: mostly(
      fc.record({ id, name: mostly(nastyText), status: mostly(nastyText), progress: anything }, { requiredKeys: [] }),
    ),
    initial_password: mostly(fc.constant(planted.password)),
    unbilled_hours: mostly(nastyNumber),
    transfer: mostly(nastyNumber),
    month_transfer: mostly(nastyNumber),
  },
  { requiredKeys: ['id'] },
);

/** A region, package or template, with fields that may be anything. */
const nastyEntry = fc.record(
  { id, name: mostly(nastyText), package_ids: mostly(fc.array(id)), os_template_ids: mostly(fc.array(id)) },
  { requiredKeys: ['id'] },
);

const item = fc.oneof(
  { weight: 6, arbitrary: nastyMachine },
  { weight: 3, arbitrary: nastyEntry },
  { weight: 1, arbitrary: anything },
);
const wrapped = fc
  .tuple(item, fc.constantFrom('', '', '', 'virtual_machine', 'vm', 'region'))
  .map(([inner, wrapper]) => (wrapper === '' ? inner : { [wrapper]: inner }));
const document = fc.oneof(
  wrapped,
  fc.array(wrapped, { maxLength: 4 }),
  fc
    .tuple(
      fc.constantFrom('virtual_machines', 'data', 'regions', 'packages', 'os_templates'),
      fc.array(wrapped, { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('status', 'error', 'meta', '__proto__'), anything, { maxKeys: 2 }),
    )
    .map(([name, items, more]) => Object.assign({ [name]: items }, more)),
  fc.record({ error: nastyText, initial_password: fc.constant(planted.password) }),
  anything,
);

/** The text of an answer: JSON that comes close to what is due, the same with a few characters changed, or anything. */
export const nastyAnswer: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: nastyMachine.map((machine) => JSON.stringify(machine)) },
  { weight: 6, arbitrary: document.map((value) => JSON.stringify(value) ?? '') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(document, fc.nat(), fc.nat(3), fc.string({ maxLength: 3 }))
      .map(([value, at, removed, added]) => {
        const text = JSON.stringify(value) ?? '';
        const place = at % (text.length + 1);
        return text.slice(0, place) + added + text.slice(place + removed);
      }),
  },
  { weight: 1, arbitrary: nastyText },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 500 }).map((bytes) => new TextDecoder().decode(bytes)) },
);
