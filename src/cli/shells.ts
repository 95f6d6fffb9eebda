// Completion scripts for bash, zsh and fish, made from the option tables. They hold no logic but the tables' facts.

import { COMMON_OPTIONS, type CommandModule, type Completion, type OptionDef, type OptionTable } from "./command.ts";
import { COMMANDS, loadCommand } from "./commands.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The whole script of a shell. */
export async function completionScript(shell: Shell): Promise<string> {
  const commands = await Promise.all(COMMANDS.map(loadCommand));
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      return zshScript(commands);
    case "fish":
      return fishScript(commands);
  }
}

type Named = { readonly name: string; readonly def: OptionDef };

function optionsOf(command: CommandModule): readonly Named[] {
  const table: OptionTable = { ...command.options, ...COMMON_OPTIONS };
  return Object.entries(table)
    .filter(([, def]) => def.type !== "positional")
    .map(([name, def]) => ({ name, def }));
}

function positionalsOf(command: CommandModule): readonly Named[] {
  return Object.entries(command.options)
    .filter(([, def]) => def.type === "positional")
    .map(([name, def]) => ({ name, def }));
}

/** "-u --vus": the spellings completions offer; those of other tools are accepted and not advertised. */
function spellings({ name, def }: Named): readonly string[] {
  const short = (def.alias ?? []).find((alias) => alias.length === 1);
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

function bashScript(commands: readonly CommandModule[]): string {
  const names = [...commands.map((command) => command.text.name), "help"].join(" ");
  const cases = commands.map((command) => {
    const options = optionsOf(command);
    const valued = options.filter(({ def }) => def.type === "string");
    const values = valued.map(
      (option) => `        ${spellings(option).join("|")}) ${bashReply(option.def.completion)}; return ;;`,
    );
    const places = positionalsOf(command).map(({ def }, at) => `          ${at}) ${bashReply(def.completion)} ;;`);
    return [
      `    ${command.text.name})`,
      '      case "$previous" in',
      ...values,
      "      esac",
      "      if [[ $current == -* ]]; then",
      `        COMPREPLY=($(compgen -W "${options.flatMap(spellings).join(" ")}" -- "$current"))`,
      "      else",
      `        case $(_hyperscale_place ${valued.flatMap(spellings).join(" ")}) in`,
      ...places,
      "        esac",
      "      fi ;;",
    ].join("\n");
  });
  return `# bash completion of hyperscale; made by \`hyperscale completions bash\`.

# Arguments of the command before the word that is completed. In: the options that take a value.
_hyperscale_place() {
  local at place=0 valued=" = $* "
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -?* || $valued == *" \${COMP_WORDS[at-1]} "* ]] || place=$((place + 1))
  done
  echo $place
}

_hyperscale() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${names} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    help) COMPREPLY=($(compgen -W "${names}" -- "$current")) ;;
  esac
}
complete -o filenames -F _hyperscale hyperscale
`;
}

function bashReply(completion: Completion | undefined): string {
  // Names may hold spaces.
  if (completion === "file") return "local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$current\"))";
  if (completion === "folder") return "local IFS=$'\\n'; COMPREPLY=($(compgen -d -- \"$current\"))";
  if (completion === undefined || completion === "none") return "COMPREPLY=()";
  return `COMPREPLY=($(compgen -W "${completion.join(" ")}" -- "$current"))`;
}

function zshScript(commands: readonly CommandModule[]): string {
  const functions = commands.map((command) => {
    const options = optionsOf(command).map((option) => `    ${zshOption(option)}`);
    const positionals = positionalsOf(command).map(
      ({ name, def }, index) =>
        `    ${zshQuote(`${index + 1}:${zshText(def.valueHint ?? name)}:${zshAction(def.completion)}`)}`,
    );
    const specs = [...options, ...positionals].join(" \\\n");
    return `_hyperscale_${command.text.name}() {\n  _arguments -s -S \\\n${specs}\n}`;
  });
  const listed = commands.map(
    (command) => `    ${zshQuote(`${command.text.name}:${command.text.summary.replaceAll(":", "\\:")}`)}`,
  );
  return `#compdef hyperscale
# zsh completion of hyperscale; made by \`hyperscale completions zsh\`.

${functions.join("\n\n")}

_hyperscale() {
  local -a commands
  commands=(
${listed.join("\n")}
    'help:Print help'
  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'hyperscale command' commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map((command) => `    ${command.text.name}) _hyperscale_${command.text.name} ;;`).join("\n")}
    help) _describe -t commands 'hyperscale command' commands ;;
  esac
}

if [ "$funcstack[1]" = "_hyperscale" ]; then
  _hyperscale "$@"
else
  compdef _hyperscale hyperscale
fi
`;
}

function zshOption(option: Named): string {
  const names = spellings(option);
  const repeat = option.def.isRepeatable === true ? "*" : "";
  const text = `[${zshText(option.def.description)}]`;
  const value =
    option.def.type === "string"
      ? `:${zshText(option.def.valueHint ?? "value")}:${zshAction(option.def.completion)}`
      : "";
  if (names.length === 1 || repeat !== "")
    return names.map((name) => zshQuote(`${repeat}${name}${text}${value}`)).join(" ");
  return `${zshQuote(`(${names.join(" ")})`)}{${names.join(",")}}${zshQuote(`${text}${value}`)}`;
}

function zshAction(completion: Completion | undefined): string {
  if (completion === "file") return "_files";
  if (completion === "folder") return "_files -/";
  if (completion === undefined || completion === "none") return " ";
  return `(${completion.join(" ")})`;
}

function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, (char) => `\\${char}`);
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript(commands: readonly CommandModule[]): string {
  const lines = [
    "# fish completion of hyperscale; made by `hyperscale completions fish`.",
    "complete -c hyperscale -f",
  ];
  const first = "__fish_use_subcommand";
  for (const { text } of commands)
    lines.push(`complete -c hyperscale -n ${first} -a ${text.name} -d ${fishQuote(text.summary)}`);
  lines.push(`complete -c hyperscale -n ${first} -a help -d 'Print help'`);
  lines.push(`complete -c hyperscale -n ${first} -l version -s V -d 'Print the version'`);
  for (const command of commands) {
    const within = `complete -c hyperscale -n '__fish_seen_subcommand_from ${command.text.name}'`;
    for (const { def } of positionalsOf(command)) {
      if (def.completion === "file") lines.push(`${within} -F`);
      else if (def.completion !== undefined) {
        const { completion } = def;
        // One of a few words is offered until it is there.
        const unless =
          typeof completion === "string" ? "" : `; and not __fish_seen_subcommand_from ${completion.join(" ")}`;
        lines.push(`${within.replace(/'$/, `${unless}'`)} -a ${fishValues(completion)}`);
      }
    }
    for (const option of optionsOf(command)) {
      const short = (option.def.alias ?? []).find((alias) => alias.length === 1);
      const value =
        option.def.type !== "string"
          ? ""
          : option.def.completion === "file"
            ? " -r -F"
            : ` -x${fishArgument(option.def.completion)}`;
      const names = `${short === undefined ? "" : ` -s ${short}`} -l ${option.name}`;
      lines.push(`${within}${names}${value} -d ${fishQuote(option.def.description)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fishArgument(completion: Completion | undefined): string {
  return completion === undefined || completion === "none" || completion === "file"
    ? ""
    : ` -a ${fishValues(completion)}`;
}

function fishValues(completion: Completion): string {
  if (completion === "folder") return "'(__fish_complete_directories)'";
  return typeof completion === "string" ? "''" : fishQuote(completion.join(" "));
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
