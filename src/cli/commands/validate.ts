// `hyperscale validate`: loads a test and prints its plan, without sending anything. The text is cli/plan-text.ts's.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { LOAD_OPTIONS } from "../load-options.ts";

export const text: CommandText = {
  name: "validate",
  summary: "Load a test, check it and print its plan; nothing is sent",
  details: [
    "Prints the workflows in the order they run, what each core gets of them, and the virtual users or arrival rate " +
      "over time.",
    "Exit code: 0 the test would start, 104 an option is invalid, 107 the file cannot be loaded.",
  ],
  examples: [
    { line: "hyperscale validate test.ts", text: "the plan as text" },
    { line: "hyperscale validate test.ts --json", text: "the plan for a program" },
  ],
};

export const options = {
  ...LOAD_OPTIONS,
  json: { type: "boolean", section: "Output", description: "Print the plan as JSON" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { validate } = await import("../validation.ts");
    return validate(invocationOf(context));
  },
});
