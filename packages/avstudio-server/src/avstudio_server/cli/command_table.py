"""The commands of this package. Importing the table imports none of them."""

from __future__ import annotations

from avstudio_core import Command

PLACE = "avstudio_server.cli.commands"
SUMMARIES = {
    "Work": {
        "pipe": "Run several processors, each on the output of the one before.",
        "plans": "List, show, watch, cancel, retry and delete plans.",
        "projects": "List and delete projects.",
        "presets": "Save, list and delete chains of effects and other files by name.",
        "media": "List and delete the files that were given.",
        "artifacts": "Delete stored files.",
        "search": "Find a word in everything that was recorded or written.",
        "tasks": "List, watch, cancel, retry, review and delete tasks.",
    },
    "Money": {
        "cost": "Show what calls to language models cost.",
        "budgets": "Limit what calls to language models may cost.",
        "tokens": "Count the tokens of a text.",
    },
    "Studio": {
        "processors": "List the processors, or show one.",
        "plugins": "List the plugins, and why any are broken.",
        "models": "List and fetch the model files that processors load.",
        "storage": "Show what takes how much room.",
        "prune": "Remove old work.",
        "owners": "Delete everything of an owner.",
        "backup": "Back up the data folder, also while it is in use.",
        "restore": "Restore the data folder from a backup.",
        "verify": "List the snapshots of a backup, and check them.",
        "secrets": "Set, list, rotate and delete keys of model providers.",
        "keys": "Create, list and revoke API keys.",
        "service": "Have the system run the server, and start it again.",
        "doctor": "Show what is missing or broken, and how to fix it.",
    },
    "Language models": {
        "llm chat": "Ask a language model, or talk to one.",
        "llm models": "List the language models.",
        "llm route": "Show which language model a request would get, and why.",
    },
}
"""By section of the help. The module of a command has its name, with `_` between words."""
COMMANDS = {
    name: Command(name, summary, f"{PLACE}.{name.replace(' ', '_')}:command", section)
    for section, listed in SUMMARIES.items()
    for name, summary in listed.items()
}
"""By name. Each takes precedence over the generated command of a processor of that name."""
