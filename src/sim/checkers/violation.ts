// What a checker throws when a property does not hold. The text says what was seen; the run adds seed and command.

/** `property`: the file of the checker. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly property: string;

  constructor(property: string, text: string) {
    super(`${property}: ${text}`);
    this.property = property;
  }
}
