"""A workflow: named boxes in order, drawn, each filled with a function, run, and marked with their results."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aigc_course.kit.figures.diagrams import STATES, diagram
from aigc_course.kit.figures.labels import phrase


class WorkflowError(Exception):
    """A box is unknown, not ready or failed; the message names the box and what to do."""


@dataclass(frozen=True)
class Done:
    """What a box returns to show a short text inside it: the result, and the text."""

    result: Any
    text: str = ""


@dataclass(frozen=True)
class Again(Done):
    """Returned by the last box of a loop: go back and run the loop once more. Anything else ends the loop."""

    result: Any = None


@dataclass
class Box:
    """One box: what it is called, which function fills it, what became of it."""

    label: str
    function: Callable | None = None
    needs: tuple[str, ...] = ()  # names of the earlier boxes whose results the function takes
    state: str = "waiting"  # waiting, done, again, failed
    outcome: Done = Done(None)


class Workflow:
    """Named boxes that run one after the other.

    boxes:  name: label, in order; the names are Python names, the labels are drawn in the reader's language
    back:   (last, first), the names of two boxes: where `last` returns Again(...), the boxes from `first` on run again

        flow = Workflow({"data": "Data preparation", "training": "Training", "check": "Good enough?"})

        @flow.box("training")
        def train(data):                       # a parameter is an earlier box's name; its result comes in
            ...
            return Done(model, "98 % right")   # or just the result

        flow.run("training")                   # this box; flow.run(): all that remain
        flow["training"]                       # its result
        flow.reset("training")                 # forget this box and those after it
        flow.draw()
    """

    def __init__(self, boxes: Mapping[str, str], back: tuple[str, str] | None = None) -> None:
        if not boxes or not all(name.isidentifier() for name in boxes):
            raise WorkflowError(f"the boxes {list(boxes)} must be named, each by a Python name such as data")
        self.boxes = {name: Box(label) for name, label in boxes.items()}
        self.names = list(boxes)
        self.rounds = 0  # of the loop, finished so far
        self.loop = self.names[self._index(back[1]) : self._index(back[0]) + 1] if back else []
        if back and len(self.loop) < 2:
            raise WorkflowError(f"back={back}: the arrow must lead from a box to an earlier one")

    def box(self, name: str) -> Callable[[Callable], Callable]:
        """Decorator: this function fills the box `name`. The same function written anew replaces its former version."""

        def fill(function: Callable) -> Callable:
            earlier = self.names[: self._index(name)]
            box = self.boxes[name]
            if box.function and box.function.__name__ != function.__name__:
                raise WorkflowError(
                    f'box "{name}" is filled by {box.function.__name__}() already; to write it anew, keep that name'
                )
            needs = tuple(inspect.signature(function).parameters)
            if unknown := [need for need in needs if need not in earlier]:
                raise WorkflowError(
                    f'{function.__name__}() of box "{name}" takes {", ".join(unknown)}; '
                    f"a parameter must be the name of an earlier box: {', '.join(earlier) or 'there is none'}"
                )
            box.function, box.needs = function, needs
            self.reset(name)
            return function

        return fill

    def run(self, name: str | None = None, *, anew: bool = False, max_rounds: int = 10_000) -> None:
        """Run the box `name` (what follows it is forgotten), or all boxes that remain; a line is printed for each.

        anew:        forget everything first; the boxes before `name` run again, too, without a line
        max_rounds:  rounds of the loop at most in this call; then the last box stays marked "again", and run() goes on
        Raises WorkflowError when a box fails (earlier results are kept; run() tries that box again) or is not ready.
        """
        if anew:
            self.reset()
        if name is not None:
            for box in self.names[: self._index(name)] if anew else []:
                self._run_box(box)
            self._run_box(name)
            self._print(name)
            return
        from tqdm.auto import tqdm

        last_round = self.rounds + max_rounds
        with tqdm(unit="box", leave=False) as bar:
            while name := self._next(last_round):
                template = phrase("{box}, round {number}") if name in self.loop else "{box}"
                doing = template.format(box=phrase(self.boxes[name].label), number=self.rounds + 1)
                bar.set_description(doing, refresh=False)
                self._run_box(name)
                bar.update()
                loop_ends = name in self.loop[-1:] and self._next(last_round) != self.loop[0]
                if loop_ends or name not in self.loop:
                    self._print(name)

    def reset(self, name: str | None = None) -> None:
        """Forget the results of the box `name` and of all that follow it; without a name, of all boxes."""
        start = 0 if name is None else self._index(name)
        self._forget(start)
        if self.loop and start <= self._index(self.loop[0]):
            self.rounds = 0

    def draw(self) -> None:
        """Show the boxes, those that ran marked with their results."""
        boxes = self.boxes.values()
        diagram(
            [box.label for box in boxes],
            states=[box.state for box in boxes],
            notes=[box.outcome.text for box in boxes],
            back=(self._index(self.loop[-1]), self._index(self.loop[0])) if self.loop else None,
        )

    def __getitem__(self, name: str) -> Any:
        """The result of a box that ran; WorkflowError when it has none."""
        box = self.boxes[self.names[self._index(name)]]
        if box.state not in ("done", "again"):
            raise WorkflowError(f'box "{name}" has no result: it is {box.state}; run it first: run("{name}")')
        return box.outcome.result

    def _index(self, name: str) -> int:
        if name not in self.boxes:
            raise WorkflowError(f'there is no box "{name}"; the boxes are: {", ".join(self.names)}')
        return self.names.index(name)

    def _forget(self, start: int) -> None:
        for name in self.names[start:]:
            self.boxes[name].state, self.boxes[name].outcome = "waiting", Done(None)

    def _next(self, last_round: int) -> str:
        """The first box that has not run; after Again, the first of the loop; "" when there is nothing left to run."""
        for name, box in self.boxes.items():
            if box.state == "again":
                return self.loop[0] if self.rounds < last_round else ""
            if box.state != "done":
                return name
        return ""

    def _run_box(self, name: str) -> None:
        start = self._index(name)
        for earlier in self.names[:start]:
            if (state := self.boxes[earlier].state) != "done":
                raise WorkflowError(f'box "{name}" comes after "{earlier}", which is {state}; first run("{earlier}")')
        box = self.boxes[name]
        if box.function is None:
            raise WorkflowError(f'box "{name}" is empty: define a function under @flow.box("{name}")')
        self._forget(start)
        try:
            returned = box.function(**{need: self[need] for need in box.needs})
        except Exception as error:
            box.state, box.outcome = "failed", Done(None, f"{type(error).__name__}: {error}")
            raise WorkflowError(
                f'box "{name}" ({box.label}) failed: {box.outcome.text}. '
                "Mend its function and run it again; the results of the boxes before it are kept."
            ) from error
        again, ends_loop = isinstance(returned, Again), name in self.loop[-1:]
        if again and not ends_loop:
            raise WorkflowError(f'box "{name}" returned Again(...), but no arrow leads back from it: say so in back=')
        box.state = "again" if again else "done"
        box.outcome = returned if isinstance(returned, Done) else Done(returned)
        self.rounds += ends_loop

    def _print(self, name: str) -> None:
        box = self.boxes[name]
        sign = STATES[box.state][0].strip()
        rounds = phrase(" after {rounds} rounds").format(rounds=self.rounds) if name in self.loop[-1:] else ""
        text = phrase(": ") + box.outcome.text if box.outcome.text else ""
        print(f"{sign} {self._index(name) + 1}/{len(self.names)} {phrase(box.label)}{rounds}{text}")
