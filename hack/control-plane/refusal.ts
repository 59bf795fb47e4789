/** Something that the user can fix: the message says how, and is shown without a stack trace. */
export class Refusal extends Error {
  override name = 'Refusal';
}
