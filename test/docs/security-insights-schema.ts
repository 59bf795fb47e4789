/**
 * What version 2.2.0 of Security Insights (https://github.com/ossf/security-insights) asks of a file, as a JSON Schema: read off the
 * specification, whose own schema is in CUE and in no package. CI checks our file with that one.
 */
type Schema = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Schema>>;

const text: Schema = { type: 'string' };
const yesOrNo: Schema = { type: 'boolean' };
const url: Schema = { type: 'string', pattern: String.raw`^https?://\S+$` };
const email: Schema = { type: 'string', pattern: String.raw`^[\w.%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$` };
const date: Schema = { type: 'string', format: 'date' };

/** Has these fields, may have those, and no others. */
function object(required: Fields, optional: Fields = {}): Schema {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  };
}

function list(items: Schema, minItems = 0): Schema {
  return { type: 'array', items, minItems };
}

function oneOf(...words: readonly string[]): Schema {
  return { enum: words };
}

const contact = object({ name: text, primary: yesOrNo }, { affiliation: text, email, social: text });
const license = object({ url, expression: text });
const link = object({ uri: text, comment: text });
const assessment = object({ comment: text }, { name: text, evidence: url, date });
const attestation = object({ name: text, location: url, 'predicate-uri': text }, { comment: text });

const header = object(
  {
    'last-reviewed': date,
    'last-updated': date,
    'schema-version': { const: '2.2.0' },
    url,
  },
  { comment: text, 'project-si-source': url },
);

const vulnerabilityReporting = object(
  { 'reports-accepted': yesOrNo, 'bug-bounty-available': yesOrNo },
  {
    'bug-bounty-program': url,
    contact,
    comment: text,
    policy: url,
    'pgp-key': text,
    'in-scope': list(text),
    'out-of-scope': list(text),
  },
);

const project = object(
  {
    name: text,
    administrators: list(contact, 1),
    repositories: list(object({ name: text, comment: text, url }), 1),
    'vulnerability-reporting': vulnerabilityReporting,
  },
  {
    homepage: url,
    roadmap: url,
    funding: url,
    steward: link,
    documentation: object(
      {},
      {
        design: url,
        'detailed-guide': url,
        'code-of-conduct': url,
        'quickstart-guide': url,
        'release-process': url,
        'support-policy': url,
        'signature-verification': url,
      },
    ),
  },
);

const tool = object(
  {
    name: text,
    type: oneOf('fuzzing', 'container', 'secret', 'SCA', 'SAST', 'other'),
    rulesets: list(text),
    integration: object({ adhoc: yesOrNo, ci: yesOrNo, release: yesOrNo }),
    results: object({}, { adhoc: attestation, ci: attestation, release: attestation }),
  },
  { version: text, comment: text },
);

const repository = object(
  {
    status: oneOf('active', 'abandoned', 'concept', 'inactive', 'moved', 'suspended', 'unsupported', 'WIP'),
    url,
    'accepts-change-request': yesOrNo,
    'accepts-automated-change-request': yesOrNo,
    'core-team': list(contact, 1),
    license,
    security: object(
      { assessments: object({ self: assessment }, { 'third-party': list(assessment) }) },
      { champions: list(contact), tools: list(tool) },
    ),
  },
  {
    'bug-fixes-only': yesOrNo,
    'no-third-party-packages': yesOrNo,
    documentation: object(
      {},
      {
        'contributing-guide': url,
        'dependency-management-policy': url,
        governance: url,
        'review-policy': url,
        'security-policy': url,
      },
    ),
    release: object(
      { 'automated-pipeline': yesOrNo, 'distribution-points': list(link, 1) },
      { changelog: url, license, attestations: list(attestation) },
    ),
  },
);

/** For a file about the project and the repository, as in a project with one repository. */
export const securityInsights = object({ header, project, repository });
