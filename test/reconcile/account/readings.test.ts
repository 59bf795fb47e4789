import { expect, test } from 'vitest';
import { succeeded } from '../../../src/domain/failure.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import { createSnapshot } from '../../../src/provider/account/snapshot.ts';
import { AccountReadings } from '../../../src/reconcile/account/account-readings.ts';
import { createManualClock } from '../../support/clock.ts';
import { machine } from '../../support/fake-provider.ts';

test('computes the inventory once for all Accounts of a key and a currency, until something new is read', () => {
  const index = { isReserved: () => false, withUnknownAccount: () => [], nameConflict: () => undefined };
  const readings = new AccountReadings(createManualClock(), index);
  // `as`: what a reading needs of an account.
  const account = {
    ownerId: 1,
    isUnavailable: false,
    catalog: () => succeeded({ regions: [], packages: [], osTemplates: [] }),
  } as unknown as Account & { ownerId: number };
  const snapshot = createSnapshot(0, 0, [machine(1)]);
  const inventory = (currency?: 'EUR') => readings.inventory(account, snapshot, currency);
  const [first, inEuro] = [inventory(), inventory('EUR')];
  expect(inventory()).toBe(first);
  expect(inventory('EUR')).toBe(inEuro);
  expect([first.estimate?.currency, inEuro.estimate?.unpriced, first.catalog]).toEqual([undefined, 1, undefined]);
  readings.awaitsCatalog(account, 'accounts/default/main');
  expect(inventory().catalog).toEqual({ regions: [], packages: [], osTemplates: [] });
  account.ownerId = 2;
  expect(inventory().ownerId).toBe(2);
  expect(readings.inventory(account, createSnapshot(1, 1, []), undefined).machines?.total).toBe(0);
});
