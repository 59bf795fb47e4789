import type { Context } from './context.ts';

/** Whether the user gave this answer: with `--confirm`, or on the terminal. Otherwise a note says that nothing was changed. */
export async function confirm(
  { options, screen }: Pick<Context, 'options' | 'screen'>,
  answer: string,
  request: string,
): Promise<boolean> {
  if (options['dry-run'] === true && options.confirm === undefined) return true;
  const given = options.confirm ?? (await screen.ask(`${request}: `));
  if (given?.trim() === answer) return true;
  screen.note(
    given === undefined
      ? `Not confirmed, so nothing was changed. Without a terminal, add: --confirm ${answer}`
      : `Not confirmed, so nothing was changed: the answer would be ${answer}.`,
  );
  return false;
}
