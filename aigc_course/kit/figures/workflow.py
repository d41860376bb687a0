"""A workflow: named boxes in order, drawn, each filled with a function, run, and marked with their results."""

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aigc_course.kit.figures import display

SECONDS_BETWEEN_BARS = 0.2  # a loop runs thousands of rounds; the bar need not move with each


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
    """One box: what it is called, which function fills it, how far it is."""

    label: str
    function: Callable | None = None
    needs: tuple[str, ...] = ()  # names of the earlier boxes whose results the function takes
    state: str = "waiting"  # waiting, done, failed, again
    text: str = ""
    result: Any = field(default=None, repr=False)


class Workflow:
    """Named boxes that run one after the other.

    boxes:  name: label, in order; the names are Python names, the labels are drawn
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
        self.back = back
        self.rounds = 0  # of the loop, finished so far
        if back and self.names.index(self._known(back[1])) >= self.names.index(self._known(back[0])):
            raise WorkflowError(f"back={back}: the arrow must lead from a box to an earlier one")

    def box(self, name: str) -> Callable[[Callable], Callable]:
        """Decorator: this function fills the box `name`. The same function written anew replaces its former version."""

        def fill(function: Callable) -> Callable:
            box, earlier = self.boxes[self._known(name)], self.names[: self.names.index(name)]
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

    def run(self, name: str | None = None, *, max_rounds: int = 10_000, draw: bool = False) -> None:
        """Run the box `name` (what follows it is forgotten), or all boxes that remain; a line is printed for each.

        max_rounds:  rounds of the loop at most in this call; then the last box stays marked "again", and run() goes on
        draw:        show the diagram at the end
        Raises WorkflowError when a box fails (earlier results are kept; run() tries that box again) or is not ready.
        """
        if name is not None:
            self._run_box(name)
            self._say(name)
        else:
            self._run_remaining(max_rounds)
        if draw:
            self.draw()

    def reset(self, name: str | None = None) -> None:
        """Forget the results of the box `name` and of all that follow it; without a name, of all boxes."""
        start = 0 if name is None else self.names.index(self._known(name))
        self._forget(start)
        if self.back and start <= self.names.index(self.back[1]):
            self.rounds = 0

    def draw(self) -> None:
        """Show the boxes, those that ran marked with their results."""
        boxes = self.boxes.values()
        display.diagram(
            [box.label for box in boxes],
            states=[box.state for box in boxes],
            notes=[box.text for box in boxes],
            back=tuple(self.names.index(name) for name in self.back) if self.back else None,
        )

    def __getitem__(self, name: str) -> Any:
        """The result of a box that ran; WorkflowError when it has none."""
        box = self.boxes[self._known(name)]
        if box.state not in ("done", "again"):
            raise WorkflowError(f'box "{name}" has no result: it is {box.state}; run it first: run("{name}")')
        return box.result

    def _known(self, name: str) -> str:
        if name not in self.boxes:
            raise WorkflowError(f'there is no box "{name}"; the boxes are: {", ".join(self.names)}')
        return name

    def _forget(self, start: int) -> None:
        for name in self.names[start:]:
            box = self.boxes[name]
            box.state, box.text, box.result = "waiting", "", None

    def _run_remaining(self, max_rounds: int) -> None:
        from tqdm.auto import tqdm

        last, first = self.back or (None, None)
        rounds, drawn = 0, 0.0
        with tqdm(total=len(self.names), leave=False) as bar:
            while (name := self._next()) is not None and not (name == first and rounds == max_rounds):
                looping = self._in_loop(name)
                if not looping or time.monotonic() - drawn > SECONDS_BETWEEN_BARS:
                    bar.n, drawn = self.names.index(name), time.monotonic()
                    bar.set_description(self.boxes[name].label + f", round {self.rounds + 1}" * looping)
                self._run_box(name)
                rounds += name == last
                if not looping or (name == last and self.boxes[name].state == "done"):
                    self._say(name)
        if last and self.boxes[last].state == "again":
            self._say(last)

    def _in_loop(self, name: str) -> bool:
        if not self.back:
            return False
        last, first = map(self.names.index, self.back)
        return first <= self.names.index(name) <= last

    def _next(self) -> str | None:
        """The first box that has not run; after Again, the first of the loop; None when all ran."""
        for name, box in self.boxes.items():
            if box.state == "again":
                return self.back[1]
            if box.state != "done":
                return name
        return None

    def _run_box(self, name: str) -> None:
        box = self.boxes[self._known(name)]
        for earlier in self.names[: self.names.index(name)]:
            if self.boxes[earlier].state != "done":
                state = self.boxes[earlier].state
                raise WorkflowError(f'box "{name}" comes after "{earlier}", which is {state}; first run("{earlier}")')
        if box.function is None:
            raise WorkflowError(f'box "{name}" is empty: define a function under @flow.box("{name}")')
        self._forget(self.names.index(name))
        try:
            returned = box.function(**{need: self.boxes[need].result for need in box.needs})
        except Exception as error:
            box.state, box.text = "failed", f"{type(error).__name__}: {error}"
            raise WorkflowError(
                f'box "{name}" ({box.label}) failed: {type(error).__name__}: {error}. '
                "Mend its function and run it again; the results of the boxes before it are kept."
            ) from error
        if isinstance(returned, Again) and not (self.back and name == self.back[0]):
            raise WorkflowError(f'box "{name}" returned Again(...), but no arrow leads back from it: say so in back=')
        done = returned if isinstance(returned, Done) else Done(returned)
        box.result, box.text = done.result, done.text
        box.state = "again" if isinstance(returned, Again) else "done"
        self.rounds += bool(self.back and name == self.back[0])

    def _say(self, name: str) -> None:
        box, number = self.boxes[name], self.names.index(name) + 1
        rounds = f" after {self.rounds} rounds" if self.back and name == self.back[0] else ""
        sign = display.STATES[box.state][0].strip()
        print(f"{sign} {number}/{len(self.names)} {box.label}{rounds}" + f": {box.text}" * bool(box.text))
