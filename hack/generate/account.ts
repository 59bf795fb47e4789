import { type AccountReason, type AccountReasonRow, accountReasons } from '../../src/api/v1alpha1/account-reasons.ts';
import { accountKind } from '../../src/api/v1alpha1/account-types.ts';
import { apiVersion } from '../../src/api/v1alpha1/constants.ts';
import { accountColumns, accountSchema } from '../../src/api/v1alpha1/schema/account.ts';
import { listOf, renderFields } from './api.ts';
import { generatedFrom } from './table.ts';

// `as`: Object.keys knows strings only; the table's type has them all.
const all = Object.keys(accountReasons) as AccountReason[];

/** docs/account-api.md: every field, column and reason of an Account. */
export function renderAccountApi(): string {
  const { spec, status } = accountSchema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error('the schema has lost its spec or status');
  const columns = accountColumns.map((column) => {
    const isWide = 'priority' in column;
    return [`**${column.name.toUpperCase()}**${isWide ? ' (with `-o wide`)' : ''}`, column.description] as const;
  });
  return `# Account API

${generatedFrom('src/api/v1alpha1/schema/account.ts and src/api/v1alpha1/account-reasons.ts')}

\`${accountKind}\` of \`${apiVersion}\`, short name \`vpsaccount\`. ${accountSchema.description ?? ''}
[Accounts](accounts.md) shows how to use it.

## spec

${renderFields('spec', spec)}

## status

${status.description ?? ''}

${renderFields('status', status)}

## Columns of kubectl get

${listOf([['**NAME**', 'Name of the object'], ...columns])}

## Reasons

${all.map(section).join('\n\n')}
`;
}

function section(reason: AccountReason): string {
  const { meaning, remedy } = accountReasons[reason];
  return `### ${reason}\n\n${shown(accountReasons[reason])}\n\n${meaning}\n\n**Action:** ${remedy}`;
}

/** What the conditions and events show for a reason. */
function shown({ ready, credentialsValid, inventoryComplete, progress, event }: AccountReasonRow): string {
  const conditions = [
    `\`Ready\` ${ready}`,
    `\`CredentialsValid\` ${credentialsValid}`,
    `\`InventoryComplete\` ${inventoryComplete}`,
    ...(progress === 'Settled' ? [] : [`\`${progress}\` True`]),
  ];
  return `Conditions: ${conditions.join(', ')}. Event: ${event}.`;
}
