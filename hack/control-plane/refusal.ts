/** Something that the person at the keyboard can mend: the message is a sentence that says how, and is shown without a stack trace. */
export class Refusal extends Error {
  override name = 'Refusal';
}
