import type { AccountCatalog, CatalogPackage, Currency } from '../api/v1alpha1/account-types.ts';
import type { CatalogStatus } from '../api/v1alpha1/types.ts';
import { type AccountObject, chooseAccount, staleness } from './accounts.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { table } from './screen.ts';

/** Prints what a VirtualMachine can order: the catalog in the status of an Account. */
export async function catalog(context: Context): Promise<ExitCode> {
  const { names, options, screen } = context;
  if (names.length > 1) throw new Failure('Name at most one Account: kubectl vps catalog [ACCOUNT].', 2);
  if (options.output !== undefined && options.output !== 'json')
    throw new Failure(`-o ${options.output} is not valid; valid: json.`, 2);
  const account = await chooseAccount(context, names[0], 'catalog ACCOUNT');
  const shown = account.status?.catalog;
  const stale = staleness(account);
  if (shown === undefined)
    throw new Failure(
      `The Account ${account.metadata.name} has no catalog yet.${stale === undefined ? '' : ` ${stale}`}`,
    );
  if (stale !== undefined) screen.note(`Note: this is the last catalog that the operator read. ${stale}`);
  if (shown.omitted !== undefined && shown.omitted > 0)
    screen.note(`Note: ${shown.omitted} entries are left out, because the status would be too large.`);
  screen.print(
    options.output === 'json' ? JSON.stringify(summary(account, shown), undefined, 2) : tables(account, shown),
  );
  return 0;
}

function tables(account: AccountObject, { regions = [], packages = [], osTemplates = [] }: AccountCatalog): string {
  const columns = priceColumns(packages, account.spec?.currency);
  return [
    [['REGION', 'ID'], ...regions.map(cells)],
    [
      ['PACKAGE', 'ID', ...columns.map(({ title }) => title)],
      ...packages.map((one) => [...cells(one), ...columns.map(({ priceOf }) => priceOf(one) ?? '-')]),
    ],
    [['OS TEMPLATE', 'ID'], ...osTemplates.map(cells)],
  ]
    .map(table)
    .join('\n\n');
}

const cells = ({ id, name }: CatalogStatus): readonly string[] => [name ?? '-', String(id)];

interface PriceColumn {
  readonly title: string;
  readonly priceOf: (one: CatalogPackage) => string | undefined;
}

/** A column for each kind of price that a package has; those of the Account's currency only, if it has one. */
function priceColumns(packages: readonly CatalogPackage[], chosen: Currency | undefined): readonly PriceColumn[] {
  const currencies = new Set(packages.flatMap(({ prices = [] }) => prices.map(({ currency }) => currency)));
  return [...currencies]
    .filter((currency) => chosen === undefined || currency === chosen)
    .toSorted()
    .flatMap((currency) =>
      (['perMonth', 'perHour'] as const).map((period) => ({
        title: `${currency}/${period === 'perMonth' ? 'MONTH' : 'HOUR'}`,
        priceOf: ({ prices = [] }: CatalogPackage) => prices.find((price) => price.currency === currency)?.[period],
      })),
    )
    .filter(({ priceOf }) => packages.some((one) => priceOf(one) !== undefined));
}

/** For scripts. */
function summary({ metadata }: AccountObject, shown: AccountCatalog): unknown {
  return {
    namespace: metadata.namespace,
    account: metadata.name,
    regions: shown.regions ?? [],
    packages: shown.packages ?? [],
    osTemplates: shown.osTemplates ?? [],
    omitted: shown.omitted ?? 0,
  };
}
