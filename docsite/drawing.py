"""Boxes and arrows as SVG that reads well on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

LINE = 18
"""Pixels from one line of text to the next."""
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2430; text-anchor: middle; }
.title { font-weight: 600; } .small { font-size: 12px; fill: #4b5263; }
.box { stroke-width: 1.2; } .core { fill: #e4e7fb; stroke: #6d7bd6; } .plugin { fill: #dff3e8; stroke: #4fa37a; }
.outside { fill: #f6ecd9; stroke: #c09a4e; } .state { fill: #e8edf3; stroke: #7f8fa3; }
.group { fill: none; stroke: #8a93a5; stroke-dasharray: 5 4; } .label { font-size: 12px; fill: #5b6474; }
.arrow { stroke: #7a8396; stroke-width: 1.4; fill: none; } .head { fill: #7a8396; } .dashed { stroke-dasharray: 4 4; }
@media (prefers-color-scheme: dark) { .label { fill: #a9b1c2; } .arrow { stroke: #98a1b5; } .head { fill: #98a1b5; } }
"""


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and lines below it; `x` and `y` are its upper left corner, in pixels."""

    x: float
    y: float
    title: str
    lines: tuple[str, ...] = ()
    look: str = "core"
    width: float = 150
    height: float = 0

    @property
    def tall(self) -> float:
        return self.height or 22 + LINE * (len(self.lines) + 0.35)

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.tall / 2


@dataclass(frozen=True)
class Arrow:
    """A line from one box to another, straight between their edges, or along `via` points."""

    start: str
    end: str
    label: str = ""
    dashed: bool = False
    via: tuple[tuple[float, float], ...] = ()
    at: tuple[float, float] | None = None
    """Where the label stands, in pixels from its usual place in the middle."""


@dataclass(frozen=True)
class Group:
    """A dashed frame with a caption around what belongs together."""

    x: float
    y: float
    width: float
    height: float
    caption: str


@dataclass(frozen=True)
class Drawing:
    """A whole picture; `description` is read out to those who do not see it."""

    description: str
    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...] = ()
    groups: tuple[Group, ...] = ()
    notes: tuple[tuple[float, float, str], ...] = field(default=())

    def svg(self) -> str:
        """The picture as a document of its own."""
        frames: list[Box | Group] = [*self.boxes.values(), *self.groups]
        width = max(frame.x + frame.width for frame in frames) + 12
        low = [one.y + (one.tall if isinstance(one, Box) else one.height) for one in frames]
        height = max(low + [y for arrow in self.arrows for _, y in arrow.via]) + 12
        body = [*map(_group, self.groups), *(self._arrow(arrow) for arrow in self.arrows)]
        body += [_box(box) for box in self.boxes.values()]
        body += [f'<text class="label" x="{x:g}" y="{y:g}">{escape(text)}</text>' for x, y, text in self.notes]
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
            f"<title>{escape(self.description)}</title><style>{STYLE}</style>"
        )
        return "\n".join([head, *body, "</svg>"]) + "\n"

    def _arrow(self, arrow: Arrow) -> str:
        start, end = self.boxes[arrow.start], self.boxes[arrow.end]
        first = arrow.via[0] if arrow.via else end.middle
        last = arrow.via[-1] if arrow.via else start.middle
        points = [_edge(start, first), *arrow.via, _edge(end, last)]
        path = " ".join(f"{'M' if number == 0 else 'L'}{x:g} {y:g}" for number, (x, y) in enumerate(points))
        parts = [f'<path class="arrow{" dashed" if arrow.dashed else ""}" d="{path}"/>', _head(points[-2], points[-1])]
        if arrow.label:
            (x1, y1), (x2, y2) = points[(len(points) - 1) // 2], points[(len(points) + 1) // 2]
            dx, dy = arrow.at or (0, -6)
            x, y = (x1 + x2) / 2 + dx, (y1 + y2) / 2 + dy
            parts.append(f'<text class="label" x="{x:g}" y="{y:g}">{escape(arrow.label)}</text>')
        return "".join(parts)


def stacked(names: Iterable[tuple[str, Box]], gap: float = 26) -> dict[str, Box]:
    """Boxes one below the other, each as tall as its text."""
    found: dict[str, Box] = {}
    y = None
    for name, box in names:
        top = box.y if y is None else y
        found[name] = Box(box.x, top, box.title, box.lines, box.look, box.width, box.height)
        y = top + found[name].tall + gap
    return found


def _box(box: Box) -> str:
    x, y = box.middle[0], box.y + 20
    lines = "".join(
        f'<text class="small" x="{x:g}" y="{y + LINE * number:g}">{escape(line)}</text>'
        for number, line in enumerate(box.lines, 1)
    )
    frame = (
        f'<rect class="box {box.look}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.tall:g}" rx="7"/>'
    )
    return f'{frame}<text class="title" x="{x:g}" y="{y:g}">{escape(box.title)}</text>{lines}'


def _group(group: Group) -> str:
    frame = f'x="{group.x:g}" y="{group.y:g}" width="{group.width:g}" height="{group.height:g}" rx="9"'
    caption = (
        f'<text class="label" x="{group.x + group.width / 2:g}" y="{group.y + 17:g}">{escape(group.caption)}</text>'
    )
    return f'<rect class="group" {frame}/>{caption}'


def _edge(box: Box, towards: tuple[float, float]) -> tuple[float, float]:
    """Where a line to a point leaves a box: straight where the point is beside it, else on the way from its middle."""
    x, y = box.middle
    if box.x <= towards[0] <= box.x + box.width:
        return towards[0], box.y + (box.tall if towards[1] > y else 0)
    if box.y <= towards[1] <= box.y + box.tall:
        return box.x + (box.width if towards[0] > x else 0), towards[1]
    dx, dy = towards[0] - x, towards[1] - y
    reach = min(
        box.width / 2 / abs(dx) if dx else float("inf"),
        box.tall / 2 / abs(dy) if dy else float("inf"),
    )
    return x + dx * reach, y + dy * reach


def _head(before: tuple[float, float], tip: tuple[float, float]) -> str:
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length * 9, dy / length * 9
    left, right = (tip[0] - ux - uy / 2, tip[1] - uy + ux / 2), (tip[0] - ux + uy / 2, tip[1] - uy - ux / 2)
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, left, right))
    return f'<polygon class="head" points="{corners}"/>'
