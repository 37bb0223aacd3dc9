"""The commands of `engee-kernel`, one module each, named in the table of `engee_kernel.cli`.

A command module has:

- `NAME`, the word on the command line, and `HELP`, one line for the list of commands;
- `add_arguments(parser)`: its arguments, and an epilog with examples in `parser.epilog`;
- `run(arguments) -> int`: the exit code. It raises EngeeError for what it can't do; the command line
  prints message and hint.

`engee-kernel --help` imports all of them: whatever takes time to import is imported inside `run`.
A command that reads its own words sets `OWN_ARGUMENTS = True`: `arguments.words` then holds them unread.
"""
