/**
 * `npm run prose`: finds words that the project does not use in everything that users and contributors read
 * (hack/prose/words.ts has the words and their replacements). Without arguments it compares each file with the record
 * of remaining findings. With paths it prints the findings.
 */
import { countsOf, findAll, readRecord } from './prose/files.ts';
import { differences } from './prose/record.ts';

const paths = process.argv.slice(2);
const found = await findAll(paths);
const findings = [...found.byFile].flatMap(([path, inFile]) => inFile.map((finding) => ({ path, ...finding })));

if (paths.length > 0) {
  for (const { path, line, column, message } of findings) console.log(`${path}:${line}:${column}: ${message}`);
  console.log(`${findings.length} findings`);
  process.exitCode = findings.length > 0 ? 1 : 0;
} else {
  const problems = [
    ...differences(readRecord(), countsOf(found)),
    ...found.unneeded.map(
      ({ path, because }) => `hack/prose/words.ts: no finding for the exception ${path}: ${because}`,
    ),
  ];
  for (const problem of problems) console.log(problem);
  console.log(`${findings.length} findings in ${found.byFile.size} files`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
