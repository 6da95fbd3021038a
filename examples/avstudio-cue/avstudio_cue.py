"""An agent of AV-Studio that plans one step, by the cues of the processors."""

from __future__ import annotations

from avstudio_core import Agent, hookimpl
from avstudio_core.agents import Draft, Message, Question, Refusal, View


class Cue(Agent):
    """Plan the processor that has a cue in the request."""

    name = "cue"
    abilities = ("audio.*", "video.*")

    def turn(self, message: Message, view: View) -> Draft | Question | Refusal:
        known = {name: one["cues"] for name, one in view.processors.items() if self.may_use(name)}
        found = {name: cue for name, cues in known.items() if (cue := said(view.request, cues))}
        if not found:
            nearest = ", ".join(sorted(known)[:3])
            return Refusal(reason="not_possible", text="No processor fits this request.", nearest=nearest)
        if len(found) > 1:
            return Question(about="which", text="Which of these do you mean?", choices=tuple(sorted(found)))
        if len(view.files) != 1:
            return Question(about="file", text="Which file?", choices=tuple(file.name for file in view.files))
        [(name, cue)] = found.items()
        step = name.partition(".")[2]
        return Draft(plan=name, source=view.files[0].id, reasons={step: f"The request says '{cue}'."})


def said(request: str, cues: object) -> str:
    """The first cue that a request contains, in any language; empty if it contains none."""
    phrases = [cue for listed in cues.values() for cue in listed] if isinstance(cues, dict) else []
    return next((cue for cue in phrases if cue.casefold() in request.casefold()), "")


@hookimpl
def register_agents() -> list[type[Agent]]:
    return [Cue]
