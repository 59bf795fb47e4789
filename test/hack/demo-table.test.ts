import { expect, test } from 'vitest';
import { kubectlCells, kubectlColumns } from '../../hack/demo/kubectl-columns.ts';
import { type Column, createLiveTable } from '../../hack/demo/table.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { objectWith } from '../plan/fixtures.ts';

const columns: readonly Column[] = [
  { title: 'OBJECT', width: 9 },
  { title: 'REASON', width: 18 },
  { title: 'ADDRESS', width: 14, dispensable: 2 },
  { title: 'LAST TASK', width: 18, dispensable: 1 },
];
const web = ['web', 'Creating', '', 'VmCreate running'];
const later = ['web', 'Available', '198.18.3.233', 'VmCreate complete'];
const appliance = ['appliance', 'UnknownCatalogName', '', ''];

/** What is written to an output that is a terminal of so many columns, or none. */
function outputOf(width?: number) {
  let written = '';
  const out = { isTTY: width !== undefined, columns: width, write: (text: string) => (written += text) };
  return { out, lines: () => written.split('\n').map((line) => line.replace(/^ +\d+\.\d s {2}/, '')) };
}

test('without a terminal all rows are aligned, also those printed before a longer one', () => {
  const { out, lines } = outputOf();
  const table = createLiveTable(columns, out);
  table.show([web]);
  table.show([web, appliance]);
  table.show([later, appliance]);
  expect(lines()).toEqual([
    'OBJECT     REASON              ADDRESS         LAST TASK',
    'web        Creating                            VmCreate running',
    'appliance  UnknownCatalogName',
    'web        Available           198.18.3.233    VmCreate complete',
    '',
  ]);
});

test.each([
  { width: 120, titles: ['OBJECT', 'REASON', 'ADDRESS', 'LAST TASK'] },
  { width: 66, titles: ['OBJECT', 'REASON', 'ADDRESS', 'LAST TASK'] },
  { width: 65, titles: ['OBJECT', 'REASON', 'LAST TASK'] },
  { width: 49, titles: ['OBJECT', 'REASON'] },
])('a terminal of $width columns shows $titles, each in full', ({ width, titles }) => {
  const { out, lines } = outputOf(width);
  createLiveTable(columns, out).show([later, appliance]);
  const [header = '', first = ''] = lines();
  expect(header.split(/ {2,}/)).toEqual(titles);
  expect(first.includes('VmCreate complete')).toBe(titles.includes('LAST TASK'));
  expect(Math.max(...lines().map((line) => line.length))).toBeLessThan(width);
});

test('a row that a narrow terminal wraps is erased in full before the next drawing', () => {
  const { out, lines } = outputOf(20);
  const table = createLiveTable(columns, out);
  table.show([appliance]);
  table.show([later]);
  // The header fits into one line, the row of 29 characters takes two.
  expect(lines().join('\n')).toContain('\u001B[3A\u001B[0J');
});

test('the demo shows the columns of kubectl get, each with what kubectl reads for it', () => {
  const fresh = objectWith();
  const status = {
    state: 'Running',
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 2, name: 'Standard' },
    addresses: [{ address: '198.18.3.233', family: 'IPv4', scope: 'Public' }],
    conditions: [
      { type: 'Synced', status: 'False', reason: 'RateLimited' },
      { type: 'Ready', status: 'True', reason: 'Available' },
    ],
  };
  // Only what the columns read.
  const running = { ...fresh, status } as unknown as VirtualMachine;
  expect(kubectlCells(running).map((cell, index) => [kubectlColumns[index]?.title, cell])).toEqual([
    ['NAME', 'web'],
    ['DESIRED', 'Running'],
    ['STATE', 'Running'],
    ['READY', 'True'],
    ['REASON', 'Available'],
    ['ADDRESS', '198.18.3.233'],
    ['REGION', 'Amsterdam 1'],
    ['PACKAGE', 'Standard'],
  ]);
  expect(kubectlCells(fresh)).toEqual(['web', 'Running', '', '', '', '', '', '']);
});
