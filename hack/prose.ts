/**
 * `npm run prose`: finds words that the project does not use in everything that users and contributors read
 * (hack/prose/words.ts has the words and their replacements). Arguments select paths.
 */
import { findAll } from './prose/files.ts';

const paths = process.argv.slice(2);
const { byFile, unneeded } = await findAll(paths);
const problems = [...byFile].flatMap(([path, findings]) =>
  findings.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`),
);
if (paths.length === 0)
  for (const { path, because } of unneeded)
    problems.push(`hack/prose/words.ts: no finding for the exception ${path}: ${because}`);

for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? '0 findings' : `${problems.length} findings: fix the words`);
process.exitCode = problems.length > 0 ? 1 : 0;
