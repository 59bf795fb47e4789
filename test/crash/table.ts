import { type Point, points } from '../support/wire-proxy.ts';
import type { Kill, Life } from './life.ts';

/** Requests by phase, with what came of a death at each point: the header, then a row each. */
export function tableOf(lives: readonly Life[]): readonly (readonly string[])[] {
  const rows = new Map<string, Kill>();
  const order = [...new Set(lives.flatMap(({ kills }) => kills.map(({ phase }) => phase)))];
  for (const phase of order) {
    for (const { kills } of lives) {
      for (const kill of kills.filter((one) => one.phase === phase)) rows.set(keyOf(kill), kill);
    }
  }
  const cells = ([key, { phase, api, signature }]: readonly [string, Kill]): readonly string[] =>
    [phase, api, signature].concat(points.map((point) => outcomeOf(lives, point, key)));
  return [['PHASE', 'API', 'REQUEST', ...points], ...[...rows].map(cells)];
}

/** `–`: a request that never came up in that life, because its operator died elsewhere. */
function outcomeOf(lives: readonly Life[], point: Point, key: string): string {
  const life = lives.find((one) => one.point === point);
  const kill = life?.kills.find((one) => keyOf(one) === key);
  if (kill === undefined) return '–';
  return kill.problems.length === 0 ? '✓' : kill.problems.join('; ');
}

/** The same as Markdown. */
export function markdownOf([header = [], ...rows]: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** `96 kills, 0 duplicated, 0 leaked`, of all lives and of each. */
export function totalsOf(lives: readonly Life[]): string {
  const sum = (count: (life: Life) => number): number => lives.reduce((total, life) => total + count(life), 0);
  const each = lives.map(({ point, kills }) => `${kills.length} ${point}`).join(', ');
  return `${sum(({ kills }) => kills.length)} kills (${each}), ${sum(({ duplicated }) => duplicated)} duplicated, ${sum(({ leaked }) => leaked)} leaked`;
}

function keyOf({ phase, signature }: Kill): string {
  return `${phase} ${signature}`;
}
