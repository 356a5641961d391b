"""Draw the folders of the package and who imports whom, and count: loose modules, arrows, floors, lines.

    python benchmarks/house.py                                   # print
    python benchmarks/house.py --document docs/architecture.md   # replace the part between <!-- table --> and <!-- end -->

A room is a folder of the package, or a module that lies beside the folders of toolkit. An arrow says that some module of one room imports
some module of another; drawn are those that no longer path replaces. A floor is a step of the longest path down.
"""

import argparse
from pathlib import Path

import grimp
from page import put_table

PACKAGE = "facecraft4d"
Arrows = dict[str, set[str]]


def room_of(module: str) -> str | None:
    """The room that a module belongs to; None for the packages that hold the rooms."""
    names = module.split(".")[1:]
    if not names or names == ["toolkit"]:
        return None
    if names[0] == "toolkit":
        return f"toolkit/{names[1]}"
    return "command line" if names[0].startswith("cli") else names[0]


def arrows_of(graph: grimp.ImportGraph) -> Arrows:
    """Rooms and the other rooms that each imports."""
    rooms: Arrows = {room: set() for module in graph.modules if (room := room_of(module))}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            source, target = room_of(module), room_of(imported) if imported.startswith(PACKAGE) else None
            if source and target and source != target:
                rooms[source].add(target)
    return rooms


def floors_of(arrows: Arrows) -> dict[str, int]:
    """Height of each room over the ground. ValueError where rooms import each other in a circle."""
    heights: dict[str, int] = {}

    def height(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            raise ValueError(f"rooms must not import each other in a circle: {' > '.join((*above, room))}")
        if room not in heights:
            heights[room] = max((height(below, (*above, room)) + 1 for below in arrows[room]), default=0)
        return heights[room]

    for room in arrows:
        height(room, ())
    return heights


def needed(arrows: Arrows) -> list[tuple[str, str]]:
    """The arrows that no path over other rooms replaces."""
    reach = {room: set() for room in arrows}
    for room in sorted(arrows, key=floors_of(arrows).__getitem__):
        reach[room] = arrows[room].union(*(reach[below] for below in arrows[room]))
    kept = []
    for room in sorted(arrows):
        for below in sorted(arrows[room]):
            if not any(below in reach[other] for other in arrows[room] - {below}):
                kept.append((room, below))
    return kept


def drawing(arrows: Arrows) -> list[str]:
    """Mermaid, one line for each arrow."""
    name = {room: f'{room.replace("/", "_").replace(" ", "_")}["{room}"]' for room in arrows}
    lines = [f"    {name[room]} --> {name[below]}" for room, below in needed(arrows)]
    return ["```mermaid", "flowchart TD", *lines, "```"]


def counts(arrows: Arrows, root: Path) -> list[str]:
    """What can be counted."""
    loose = sorted(path.stem for path in (root / "toolkit").glob("*.py") if path.stem != "__init__")
    flat = max((len(list(folder.glob("*.py"))) - 1, folder.name) for folder in root.glob("toolkit/*/"))
    lines = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for part in ("toolkit", "exporters", "runtime", "facecraft4d")
        for path in (root / part).rglob("*.py")
        if "/" not in str(path.relative_to(root / part)) or part != "facecraft4d"
    }
    return [
        f"modules beside the folders of toolkit: {len(loose)} ({', '.join(loose)})",
        f"modules in the fullest flat folder: {flat[0]} ({flat[1]})",
        f"rooms: {len(arrows)}, arrows: {sum(map(len, arrows.values()))}, floors: {max(floors_of(arrows).values()) + 1}, circles: 0",
        f"lines of product code: {sum(lines.values()):,} in {len(lines)} modules, longest {max(lines.values())}",
    ]


def main() -> None:
    """Print the drawing and the counts, and put them into a page where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--document", type=Path, help="a page whose part between <!-- table --> and <!-- end --> is replaced"
    )
    document = parser.parse_args().document
    arrows = arrows_of(grimp.build_graph(PACKAGE, include_external_packages=False))
    text = "\n".join([*drawing(arrows), "", *(f"- {line}" for line in counts(arrows, Path(__file__).parents[1]))])
    print(text)
    if document:
        put_table(document, text)


if __name__ == "__main__":
    main()
