"""The commands: one file each, with ``add_arguments(parser)`` and ``run(arguments) -> exit code``.

A command's module loads when the command is chosen. It imports argparse at most when it loads, and what its
work needs when it runs, so that no help has to wait for an HTTP client.
"""

COMMANDS = {
    "collect": "ask an API once and print the rows",
    "balance": "tell what is left, what it was spent on, and when it is gone",
    "check": "tell whether this machine reaches an API, step by step; needs no key",
    "run": "run many monitors on a schedule, and send their rows on",
    "status": "show how each monitor of the service is: last result, age, next round, what is wrong",
    "history": "show what the service collected",
    "join": "run the monitors that a HertzBeat cluster pins to this collector",
    "params": "show which parameters a definition takes",
    "definitions": "list the definitions that come with this package",
    "new": "draft a first definition from a sample answer",
    "validate": "say all that is wrong with definitions, and what HertzBeat would refuse",
    "test": "try a definition on a saved answer, or run the tests beside definitions",
    "schema": "print the JSON Schema of definitions, with which editors complete and explain",
    "hertzbeat": "put a definition into a HertzBeat manager, or take one out",
    "sandbox": "serve an OpenAI-like account on this machine, to try and to rehearse failures",
    "completion": "print a completion script for a shell",
}
"""Name and one line of help, in the order of the help."""
