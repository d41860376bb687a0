"""A workflow: named boxes in order, drawn, and ticked with their results as the chapter's cells do what they say."""

from collections.abc import Mapping
from dataclasses import dataclass

from aigc_course.kit.figures.diagrams import STATES, diagram
from aigc_course.kit.figures.labels import phrase


class WorkflowError(Exception):
    """A box is unknown, or boxes make no workflow; the message names the box and what to do."""


@dataclass
class Box:
    """One box: what it is called, and what became of it."""

    label: str
    state: str = "waiting"  # waiting, done, again
    text: str = ""


class Workflow:
    """Named boxes, one after the other. Plain cells do the work; `tick` marks the box that a cell has finished.

    boxes:  name: label, in order; the labels are drawn in the reader's language
    back:   (last, first), the names of two boxes: a dashed arrow leads from `last` back to `first`, a loop

        flow = Workflow({"data": "Data preparation", "training": "Training", "check": "Good enough?"})
        ...
        flow.tick("training", "98 % right")    # prints a line; what comes after this box is blank again
        flow.draw()
    """

    def __init__(self, boxes: Mapping[str, str], back: tuple[str, str] | None = None) -> None:
        if not boxes:
            raise WorkflowError("a workflow needs at least one box, a name with its label")
        self.boxes = {name: Box(label) for name, label in boxes.items()}
        self.names = list(boxes)
        self.back = (self._index(back[0]), self._index(back[1])) if back else None
        if self.back and self.back[0] <= self.back[1]:
            raise WorkflowError(f"back={back}: the arrow must lead from a box to an earlier one")

    def tick(self, name: str, text: str = "", *, again: bool = False, rounds: int = 0) -> None:
        """Mark a box as done, with a short text, and print a line; the boxes after it are blank again.

        again:   the end of a loop that goes on: the box is marked so, and not as done
        rounds:  so many rounds of the loop were run; the line says it
        A second line names earlier boxes without a mark: what was just done may rest on results that are older.
        Raises WorkflowError for a name that is no box's, and for `again` where no arrow leads back.
        """
        place = self._index(name)
        if again and (self.back is None or self.back[0] != place):
            raise WorkflowError(f'no arrow leads back from box "{name}": say so in back=')
        for later in self.names[place:]:
            self.boxes[later] = Box(self.boxes[later].label)
        box = self.boxes[name]
        box.state, box.text = "again" if again else "done", text
        after = phrase(" after {rounds} rounds").format(rounds=rounds) if rounds else ""
        what = phrase(": ") + text if text else ""
        print(f"{STATES[box.state][0].strip()} {place + 1}/{len(self.names)} {phrase(box.label)}{after}{what}")
        earlier = [self.boxes[other] for other in self.names[:place]]
        if unticked := [phrase(box.label) for box in earlier if box.state == "waiting"]:
            print(phrase("  not ticked since they changed: {boxes}").format(boxes=phrase(", ").join(unticked)))

    def draw(self) -> None:
        """Show the boxes, those that are done marked with their results."""
        boxes = self.boxes.values()
        diagram(
            [box.label for box in boxes],
            states=[box.state for box in boxes],
            notes=[box.text for box in boxes],
            back=self.back,
        )

    def _index(self, name: str) -> int:
        if name not in self.boxes:
            raise WorkflowError(f'there is no box "{name}"; the boxes are: {", ".join(self.names)}')
        return self.names.index(name)
